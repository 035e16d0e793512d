import { CheckOutlined, CloseOutlined } from '@ant-design/icons'
import type { Condition, Evidence, MeasureValue } from '../api/types'
import { useWords } from '../i18n'
import { eventTypeName } from '../i18n/names'
import { formatMeasure, matchedWords } from '../text/format'
import { Ago } from './time'

// The three shapes in which a reason comes: conditions, measures, events. Alerts and "why" share them.

export function ConditionList({ conditions }: { conditions: readonly Condition[] }) {
  const { t, lang } = useWords()
  if (conditions.length === 0) return null
  return (
    <ul className="conditions" aria-label={t('alerts.conditions')}>
      {conditions.map((c, i) => {
        const one = typeof c === 'string' ? { text: c, holds: undefined, value: undefined } : { ...c, text: c.text ?? c.expr ?? '' }
        return (
          <li key={i} className={one.holds === false ? 'off' : 'on'}>
            {one.holds === false ? <CloseOutlined aria-label={t('common.no')} /> : <CheckOutlined aria-label={t('common.yes')} />}
            <code>{one.text}</code>
            {one.value !== undefined && <span className="muted">= {formatMeasure(one.value, lang)}</span>}
          </li>
        )
      })}
    </ul>
  )
}

export function MeasureList({ measures }: { measures: readonly [string, MeasureValue][] }) {
  const { t, lang } = useWords()
  if (measures.length === 0) return null
  return (
    <dl className="measure-row" aria-label={t('alerts.measures')}>
      {measures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{formatMeasure(value, lang)}</dd>
        </div>
      ))}
    </dl>
  )
}

interface EvidenceListProps {
  evidence: readonly (string | Evidence)[]
  now: number
  limit?: number
}

export function EvidenceList({ evidence, now, limit = 50 }: EvidenceListProps) {
  const { t, lang } = useWords()
  if (evidence.length === 0) return <p className="muted small">{t('alerts.noEvidence')}</p>
  const shown = evidence.slice(0, limit)
  return (
    <ul className="evidence" aria-label={t('alerts.evidence')}>
      {shown.map((e) => {
        const one: Evidence = typeof e === 'string' ? { event_id: e } : e
        return (
          <li key={one.event_id} title={one.event_id}>
            <span className="evidence-what">{eventTypeName(one.type, lang) || one.event_id}</span>
            {one.object_title && <span className="evidence-object">{one.object_title}</span>}
            {matchedWords(one.matched).map((word) => (
              <mark key={word}>{word}</mark>
            ))}
            {one.time && (
              <span className="muted small">
                <Ago time={one.time} now={now} />
              </span>
            )}
          </li>
        )
      })}
      {evidence.length > limit && <li className="muted small">{t('alerts.moreEvidence', { count: evidence.length - limit })}</li>}
    </ul>
  )
}
