import { useQuery } from '@tanstack/react-query'
import { getJson } from '../api/client'
import type { Status } from '../api/types'
import { Link } from '../app/router'
import type { Page } from '../app/routes'
import { StagePanel } from '../charts/StageChart'
import { useWords } from '../i18n'
import { visibleAlerts } from '../live/alerts'
import { useBoard } from '../live/BoardProvider'
import { useInbox } from '../live/InboxProvider'
import { SeverityMark } from '../parts/marks'
import { Loading, Nothing, PageHead, Panel, Trouble } from '../parts/states'
import { Ago, FreshDot, useNow } from '../parts/time'
import { inLanguage } from '../text/bilingual'
import { formatClock, formatCount } from '../text/format'
import { healthRows, partName, shareOf, type HealthRow } from './health'

export default function Overview() {
  const { t, lang } = useWords()
  const { board, error } = useBoard()
  const { open } = useInbox()
  const snapshot = board.snapshot
  const nothing = snapshot && snapshot.population.known + snapshot.population.anonymous === 0
  const count = (n: number | undefined) => (n === undefined ? '—' : formatCount(n, lang))
  const tagsHeld = snapshot?.tags.filter((x) => x.count > 0).length
  return (
    <>
      <PageHead title={t('overview.title')}>
        <FreshDot asOf={snapshot?.as_of} />
      </PageHead>
      {!snapshot && error ? <Trouble error={error} /> : null}
      <div className="figures">
        <Figure label={t('overview.known')} value={count(snapshot?.population.known)} page="tags" />
        <Figure label={t('overview.anonymous')} value={count(snapshot?.population.anonymous)} page="tags" />
        <Figure label={t('overview.openAlerts')} value={count(open)} page="alerts" loud={open > 0} />
        <Figure label={t('overview.tagsHeld')} value={count(tagsHeld)} page="tags" />
      </div>
      {nothing && <Nothing>{t('overview.empty')}</Nothing>}
      <div className="overview-grid">
        <LatestAlerts />
        {snapshot && snapshot.stages.length > 0 && <StagePanel stages={snapshot.stages} />}
        <TopTags />
        <Health />
      </div>
    </>
  )
}

interface FigureProps {
  label: string
  value: string
  page: Page
  loud?: boolean
}

function Figure({ label, value, page, loud }: FigureProps) {
  return (
    <Link page={page} className={`figure ${loud ? 'figure-loud' : ''}`}>
      <span>{label}</span>
      <b>{value}</b>
    </Link>
  )
}

function LatestAlerts() {
  const { t } = useWords()
  const { inbox } = useInbox()
  const now = useNow(5_000)
  const latest = visibleAlerts(inbox, 'todo', '').slice(0, 6)
  return (
    <Panel title={t('overview.latestAlerts')} extra={<Link page="alerts">{t('common.all')}</Link>}>
      {latest.length === 0 && <p className="muted">{t('alerts.empty')}</p>}
      <ul className="brief-list">
        {latest.map((a) => (
          <li key={a.alert_id}>
            <SeverityMark severity={a.severity} />
            <Link page="profiles" rest={a.profile_id} className="brief-title">
              {a.title}
            </Link>
            <span className="muted small">
              <Ago time={a.raised_at} now={now} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function TopTags() {
  const { t, lang } = useWords()
  const { board } = useBoard()
  const tags = [...(board.snapshot?.tags ?? [])].sort((a, b) => b.count - a.count).slice(0, 8)
  const most = tags[0]?.count || 1
  return (
    <Panel title={t('overview.topTags')} extra={<Link page="tags">{t('common.all')}</Link>}>
      {tags.length === 0 && <p className="muted">{t('tags.emptyAll')}</p>}
      <ul className="bar-list">
        {tags.map((tag) => (
          <li key={tag.tag}>
            <i aria-hidden="true" style={{ width: `${(tag.count / most) * 100}%` }} />
            <span>{tag.tag}</span>
            <b>{formatCount(tag.count, lang)}</b>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function Health() {
  const { t } = useWords()
  const query = useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => getJson<Status>('/api/v1/status', signal),
    refetchInterval: 5_000,
  })
  if (query.isPending) {
    return (
      <Panel title={t('overview.health')}>
        <Loading />
      </Panel>
    )
  }
  if (!query.data) {
    return (
      <Panel title={t('overview.health')}>
        <Trouble error={query.error} onRetry={() => void query.refetch()} />
      </Panel>
    )
  }
  const { roles, parts } = healthRows(query.data)
  const bad = [...roles, ...parts].filter((r) => !r.ok).length
  const summary = bad === 0 ? t('overview.allOk') : t('overview.someBad', { count: bad })
  const { rules } = query.data
  const asOf = query.data.streams?.as_of
  return (
    <Panel title={t('overview.health')} extra={<span className={bad ? 'warn' : 'good'}>{summary}</span>}>
      <div className="health">
        <HealthTable title={t('overview.roles')} rows={roles} />
        <HealthTable title={t('overview.parts')} rows={parts} />
      </div>
      {rules?.trouble && (
        <p className="warn">{t('overview.rulesTrouble', { version: rules.version ?? '', detail: rules.trouble })}</p>
      )}
      {asOf && <p className="muted small">{t('overview.streamTime', { time: formatClock(asOf) })}</p>}
    </Panel>
  )
}

function HealthTable({ title, rows }: { title: string; rows: HealthRow[] }) {
  const { t, maybe } = useWords()
  return (
    <div>
      <h3>{title}</h3>
      <ul className="health-list">
        {rows.map((row) => (
          <li key={row.name} className={row.ok ? 'ok' : 'bad'}>
            <i aria-hidden="true" />
            <span className="health-name">{maybe(`role.${row.name}`) ?? partName(row.name)}</span>
            <span className="health-word">{t(row.ok ? 'overview.ok' : 'overview.bad')}</span>
            <span className="muted small">
              {row.lag !== undefined && row.lag >= 1 ? t('overview.lag', { seconds: Math.round(row.lag) }) : ''} <Detail detail={row.detail} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}

// Counts of shards and partitions in the reader's language; a trouble as it is told.
function Detail({ detail }: { detail: string | undefined }) {
  const { t, lang } = useWords()
  const share = shareOf(detail)
  if (!share) return inLanguage(detail, lang)
  const { held, all, unit } = share
  return all === undefined ? t(`overview.${unit}`, { held }) : t(`overview.${unit}Of`, { held, all })
}
