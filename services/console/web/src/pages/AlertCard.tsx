import { BulbOutlined } from '@ant-design/icons'
import type { Alert } from '../api/types'
import { Link } from '../app/router'
import { useWords } from '../i18n'
import { Chip, SeverityMark, StateMark } from '../parts/marks'
import { EvidenceList, ConditionList, MeasureList } from '../parts/reasons'
import { Ago } from '../parts/time'
import { formatTime } from '../text/format'
import { AlertActions } from './AlertActions'
import { useNames } from './useNames'

interface AlertCardProps {
  alert: Alert
  now: number
  fresh?: boolean
}

// In the order in which a person needs it: who, why now, what to do.
export function AlertCard({ alert, now, fresh }: AlertCardProps) {
  const { t } = useWords()
  const { staff } = useNames()
  const conditions = alert.conditions ?? []
  const measures = Object.entries(alert.measures ?? {})
  return (
    <article className={`alert-card edge-${alert.severity} ${fresh ? 'arrived' : ''} alert-${alert.state}`}>
      <header>
        <SeverityMark severity={alert.severity} />
        <Link page="profiles" rest={alert.profile_id} className="alert-who" label={t('alerts.openProfile')}>
          {alert.name || alert.profile_id}
        </Link>
        <Chip>{alert.tag}</Chip>
        {alert.state !== 'open' && <StateMark state={alert.state} />}
        <span className="alert-when muted small">
          <Ago time={alert.raised_at} now={now} />
        </span>
      </header>
      <h2>{alert.title}</h2>
      <Standing alert={alert} staff={staff} />
      <div className="alert-why">
        <h3>{t('alerts.why')}</h3>
        <ConditionList conditions={conditions} />
        <MeasureList measures={measures} />
        <EvidenceList evidence={alert.evidence ?? []} now={now} limit={4} />
      </div>
      {alert.advice && (
        <p className="alert-advice">
          <BulbOutlined aria-hidden="true" />
          <span>
            <b>{t('alerts.advice')}</b> {alert.advice}
          </span>
        </p>
      )}
      <footer>
        <AlertActions alert={alert} />
        <span className="muted small">
          {alert.staff_id ? t('alerts.owner', { staff: staff(alert.staff_id) }) : t('alerts.noOwner')}
          {' · '}
          {t('alerts.whyRule', { rule: alert.rule, version: alert.rule_version })}
        </span>
      </footer>
    </article>
  )
}

// What has become of it so far: nobody took it up in time, somebody has it, or it waits.
function Standing({ alert, staff }: { alert: Alert; staff: (id: string) => string }) {
  const { t, lang } = useWords()
  const { state, escalated_at, claimed_by, snoozed_until } = alert
  return (
    <>
      {escalated_at && <p className="warn small">{t('alerts.escalated', { time: formatTime(escalated_at, lang) })}</p>}
      {state === 'claimed' && claimed_by && <p className="muted small">{t('alerts.claimedBy', { staff: staff(claimed_by) })}</p>}
      {state === 'snoozed' && snoozed_until && <p className="muted small">{t('alerts.snoozed', { time: formatTime(snoozed_until, lang) })}</p>}
    </>
  )
}
