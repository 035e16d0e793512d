import { Segmented } from 'antd'
import { useMemo, useState } from 'react'
import type { StageCount } from '../api/types'
import { useLook } from '../app/theme'
import { useWords } from '../i18n'
import { formatCount } from '../text/format'
import { Panel } from '../parts/states'
import { Chart } from './Chart'
import { stageColours, stageOption, type StageShape } from './stageOption'

type Shape = StageShape | 'table'

export function StagePanel({ stages }: { stages: StageCount[] }) {
  const { t, lang } = useWords()
  const { dark } = useLook()
  const [shape, setShape] = useState<Shape>('bar')
  const option = useMemo(
    () => stageOption({ stages, shape: shape === 'pie' ? 'pie' : 'bar', dark, lang }),
    [stages, shape, dark, lang],
  )
  const label = stages.map((s) => `${s.stage} ${formatCount(s.count, lang)}`).join(', ')
  const shapes = [
    { value: 'bar' as Shape, label: t('tags.asBars') },
    { value: 'pie' as Shape, label: t('tags.asPie') },
    { value: 'table' as Shape, label: t('tags.asTable') },
  ]
  return (
    <Panel
      title={t('tags.stageTitle')}
      extra={<Segmented size="small" options={shapes} value={shape} onChange={setShape} aria-label={t('tags.stageTitle')} />}
    >
      {shape === 'table' ? (
        <StageTable stages={stages} />
      ) : (
        <Chart key={shape} option={option} height={Math.max(180, stages.length * 38)} label={label} />
      )}
    </Panel>
  )
}

function StageTable({ stages }: { stages: StageCount[] }) {
  const { t, lang } = useWords()
  const { dark } = useLook()
  const total = stages.reduce((sum, s) => sum + s.count, 0)
  const colours = stageColours(dark)
  return (
    <table className="plain-table">
      <thead>
        <tr>
          <th scope="col">{t('tags.stage')}</th>
          <th scope="col">{t('tags.count')}</th>
          <th scope="col">%</th>
        </tr>
      </thead>
      <tbody>
        {stages.map((s, i) => (
          <tr key={s.stage}>
            <th scope="row">
              <i className="swatch" style={{ background: colours[i % colours.length] }} />
              {s.stage}
            </th>
            <td>{formatCount(s.count, lang)}</td>
            <td>{total ? ((s.count / total) * 100).toFixed(1) : '0.0'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
