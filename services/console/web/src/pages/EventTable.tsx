import { memo } from 'react'
import type { LiveEvent } from '../api/types'
import { Link } from '../app/router'
import { useWords } from '../i18n'
import { eventKey } from '../live/events'
import { eventTypeName, reasonName } from '../i18n/names'
import { Chip } from '../parts/marks'
import { formatClock } from '../text/format'

export function EventTable({ rows }: { rows: readonly LiveEvent[] }) {
  const { t } = useWords()
  return (
    <div className="panel table-scroll">
      <table className="event-table live-table">
        <thead>
          <tr>
            <th scope="col">{t('events.time')}</th>
            <th scope="col">{t('events.verdict')}</th>
            <th scope="col">{t('events.type')}</th>
            <th scope="col">{t('events.profile')}</th>
            <th scope="col">{t('events.source')}</th>
            <th scope="col">{t('events.outcome')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((event) => (
            <EventRow key={eventKey(event)} event={event} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

const EventRow = memo(function EventRow({ event }: { event: LiveEvent }) {
  const { t, lang } = useWords()
  const name = eventTypeName(event.type, lang)
  return (
    <tr className={event.verdict === 'rejected' ? 'row-rejected' : undefined}>
      <td className="cell-time" title={event.time}>
        {formatClock(event.received_at || event.time)}
      </td>
      <td>
        <span className={`verdict verdict-${event.verdict}`}>{t(`events.${event.verdict}`)}</span>
      </td>
      <td title={event.event_id}>
        {name}
        {name !== event.type && <code className="muted small">{event.type}</code>}
      </td>
      <td className="cell-who">
        {event.profile_id ? (
          <Link page="profiles" rest={event.profile_id}>
            {event.profile_id}
          </Link>
        ) : (
          <span className="muted">—</span>
        )}
      </td>
      <td className="muted cell-source">{event.source}</td>
      <td className={isPlain(event) ? 'cell-none' : undefined}>
        {event.verdict === 'rejected' ? <Refusal event={event} /> : <Effects event={event} />}
      </td>
    </tr>
  )
})

function Refusal({ event }: { event: LiveEvent }) {
  const { t, lang } = useWords()
  return (
    <span className="refusal">
      <b>{reasonName(event.reason, lang)}</b> {event.detail}
      {event.did_you_mean && <em>{t('events.didYouMean', { name: event.did_you_mean })}</em>}
    </span>
  )
}

// An accepted event that moved nothing.
function isPlain(event: LiveEvent): boolean {
  const { verdict, tags_applied, tags_removed, alerts, did_you_mean, stage } = event
  return verdict !== 'rejected' && !did_you_mean && !stage && !tags_applied?.length && !tags_removed?.length && !alerts?.length
}

function Effects({ event }: { event: LiveEvent }) {
  const { t } = useWords()
  const applied = event.tags_applied ?? []
  const removed = event.tags_removed ?? []
  const alerts = event.alerts ?? []
  if (isPlain(event)) return <span className="muted">{t('events.noEffect')}</span>
  return (
    <span className="effects">
      {alerts.length > 0 && <Chip tone="alert">{t('events.alert')}</Chip>}
      {event.stage && (
        <Chip tone="add" title={t('events.stage')}>
          → {event.stage}
        </Chip>
      )}
      {applied.map((tag) => (
        <Chip key={`+${tag}`} tone="add" title={t('events.applied')}>
          + {tag}
        </Chip>
      ))}
      {removed.map((tag) => (
        <Chip key={`-${tag}`} tone="remove" title={t('events.removed')}>
          − {tag}
        </Chip>
      ))}
      {event.did_you_mean && <em>{t('events.didYouMean', { name: event.did_you_mean })}</em>}
    </span>
  )
}
