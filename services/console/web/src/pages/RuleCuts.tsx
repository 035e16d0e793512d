import { useState } from 'react'
import type { FieldProblem, RulesSaid, StandingCuts } from '../api/types'
import { mayEditRules } from '../app/rights'
import { useSession } from '../app/session'
import { useWords } from '../i18n'
import { Chip } from '../parts/marks'
import { Loading, Nothing, Panel, Trouble } from '../parts/states'
import { formatCount, formatDay, formatDecimal } from '../text/format'
import { percentOf } from './cutPoints'
import { useSaved } from './RuleSentences'
import { TakeCuts } from './TakeCuts'

interface RuleCutsProps {
  version: string
  // The editor holds changes that are not saved.
  dirty: boolean
  onGo: (place: FieldProblem) => void
}

// The cut points that the rules carry, each with its date, and the way to take new ones.
export function RuleCuts({ version, dirty, onGo }: RuleCutsProps) {
  const { t } = useWords()
  const { session } = useSession()
  const query = useSaved(version)
  if (query.isPending) return <Loading />
  if (!query.data) return <Trouble error={query.error} onRetry={() => void query.refetch()} />
  const edits = mayEditRules(session?.role)
  const { cuts } = query.data
  return (
    <>
      <p className="cut-help">{t('cuts.help')}</p>
      {!edits && <p className="muted small">{t('cuts.readOnly')}</p>}
      {cuts.length === 0 && <Nothing>{t('cuts.empty')}</Nothing>}
      {cuts.map((c) => (
        <Panel key={c.measure} className="said-panel" title={c.measure} extra={<Origin cuts={c} onGo={onGo} />}>
          <CutTable cuts={c} />
          {edits && <TakeCuts measure={c.measure} standing={c} version={version} dirty={dirty} />}
        </Panel>
      ))}
      {edits && <FirstCuts said={query.data} version={version} dirty={dirty} />}
    </>
  )
}

function Origin({ cuts, onGo }: { cuts: StandingCuts; onGo: (place: FieldProblem) => void }) {
  const { t, lang } = useWords()
  const place = `${cuts.file}:${cuts.line}`
  return (
    <>
      <span className="small">{t('cuts.date', { date: formatDay(`${cuts.date}T00:00:00`, lang) })}</span>
      <span className="muted small">
        {cuts.customers ? t('cuts.customers', { count: formatCount(cuts.customers, lang) }) : t('cuts.uncounted')}
      </span>
      <span className="small">
        <button type="button" className="link" title={t('said.go', { place })} onClick={() => onGo({ ...cuts, column: 1, message: '' })}>
          {place}
        </button>
      </span>
    </>
  )
}

function CutTable({ cuts }: { cuts: StandingCuts }) {
  const { t } = useWords()
  return (
    <table className="cut-table">
      <thead>
        <tr>
          <th scope="col">{t('cuts.point')}</th>
          <th scope="col">{t('cuts.value')}</th>
          <th scope="col">{t('cuts.readBy')}</th>
        </tr>
      </thead>
      <tbody>
        {cuts.points.map((p) => (
          <tr key={p.point}>
            <td>
              <b>{p.point}</b>
              <span className="muted small cut-means">{t('cuts.means', { percent: percentOf(p.point) })}</span>
            </td>
            <td className="cut-value">{formatDecimal(p.value)}</td>
            <td>
              {p.read_by.map((name) => (
                <Chip key={name}>{name}</Chip>
              ))}
              {p.read_by.length === 0 && (
                <span className="muted small">
                  {t('cuts.unread')} <code>{`cut("${cuts.measure}", "${p.point}")`}</code>
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

// Measures that have no cut points yet.
function FirstCuts({ said, version, dirty }: { said: RulesSaid; version: string; dirty: boolean }) {
  const { t } = useWords()
  const standing = new Set(said.cuts.map((c) => c.measure))
  const measures = said.rules.filter((r) => r.kind === 'measure' && r.numeric && !standing.has(r.name)).map((r) => r.name)
  const [chosen, setChosen] = useState('')
  const measure = measures.includes(chosen) ? chosen : measures[0]
  if (!measure) return said.cuts.length > 0 ? null : <p className="muted small cut-help">{t('cuts.noMeasure')}</p>
  return (
    <Panel className="said-panel" title={t('cuts.first')}>
      <p className="muted small">{t('cuts.firstHelp')}</p>
      <label className="cut-measure">
        <span className="muted small">{t('cuts.measure')}</span>
        <select value={measure} onChange={(e) => setChosen(e.target.value)}>
          {measures.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <TakeCuts key={measure} measure={measure} version={version} dirty={dirty} />
    </Panel>
  )
}
