import { PlusOutlined } from '@ant-design/icons'
import { useQuery } from '@tanstack/react-query'
import { Button, Segmented } from 'antd'
import { useState } from 'react'
import { getJson } from '../api/client'
import { DEFINITION_KINDS, type Definition, type DefinitionKind, type DefinitionList } from '../api/types'
import { useRouter } from '../app/router'
import { useWords } from '../i18n'
import { Loading, Nothing, PageHead, Trouble } from '../parts/states'
import { formatTime } from '../text/format'
import { DefinitionDrawer } from './DefinitionDrawer'
import { contentText } from './definitionText'

export default function Definitions() {
  const { t } = useWords()
  const { route, go } = useRouter()
  const kind = DEFINITION_KINDS.find((k) => k === route.rest) ?? 'source'
  // undefined: closed; null: a new one.
  const [edited, setEdited] = useState<Definition | null | undefined>(undefined)
  const kinds = DEFINITION_KINDS.map((value) => ({ value: value as DefinitionKind, label: t(`defs.${value}`) }))
  return (
    <>
      <PageHead title={t('defs.title')}>
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setEdited(null)}>
          {t('defs.new')}
        </Button>
      </PageHead>
      <div className="kinds">
        <Segmented options={kinds} value={kind} onChange={(next) => go('definitions', next)} aria-label={t('defs.kind')} />
      </div>
      <DefinitionTable kind={kind} onEdit={setEdited} />
      <DefinitionDrawer kind={kind} edited={edited} onClose={() => setEdited(undefined)} />
    </>
  )
}

function DefinitionTable({ kind, onEdit }: { kind: DefinitionKind; onEdit: (d: Definition) => void }) {
  const { t, lang } = useWords()
  const query = useQuery({
    queryKey: ['defs', kind],
    queryFn: ({ signal }) => getJson<DefinitionList>(`/api/v1/defs/${kind}`, signal),
  })
  if (query.isPending) return <Loading />
  if (!query.data) return <Trouble error={query.error} onRetry={() => void query.refetch()} />
  if (query.data.items.length === 0) return <Nothing>{t('defs.empty')}</Nothing>
  return (
    <div className="panel table-scroll">
      <table className="event-table def-table">
        <thead>
          <tr>
            <th scope="col">{t('defs.id')}</th>
            <th scope="col">{t('defs.name')}</th>
            <th scope="col">{t('defs.content')}</th>
            <th scope="col">{t('defs.version')}</th>
            <th scope="col">{t('defs.changed')}</th>
          </tr>
        </thead>
        <tbody>
          {query.data.items.map((d) => (
            <tr key={d.id}>
              <td>
                <button type="button" className="link" onClick={() => onEdit(d)}>
                  {d.id}
                </button>
              </td>
              <td>{typeof d.body.name === 'string' ? d.body.name : ''}</td>
              <td className="def-content">
                <code className="clip">{contentText(d.body)}</code>
              </td>
              <td className="def-version">{d.version}</td>
              <td className="muted small def-changed">
                {d.time ? formatTime(d.time, lang) : ''} {d.author}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
