import { Button, Input, Segmented } from 'antd'
import { useState } from 'react'
import { useWords } from '../i18n'
import { ALERT_CAP, visibleAlerts, type AlertFilter } from '../live/alerts'
import { useInbox } from '../live/InboxProvider'
import { StreamMark } from '../parts/marks'
import { Loading, Nothing, PageHead, Trouble } from '../parts/states'
import { useNow } from '../parts/time'
import { AlertCard } from './AlertCard'

export default function Alerts() {
  const { t } = useWords()
  const { inbox, stream, loading, error, cursor, older, reload, open, fresh } = useInbox()
  const [filter, setFilter] = useState<AlertFilter>('todo')
  const [search, setSearch] = useState('')
  const [fetching, setFetching] = useState(false)
  const now = useNow(5_000)
  const shown = visibleAlerts(inbox, filter, search)
  const filters = [
    { value: 'todo' as AlertFilter, label: `${t('alerts.todo')} ${open || ''}` },
    { value: 'done' as AlertFilter, label: t('alerts.done') },
    { value: 'all' as AlertFilter, label: t('common.all') },
  ]
  const loadOlder = async () => {
    setFetching(true)
    await older()
    setFetching(false)
  }
  return (
    <>
      <PageHead title={t('alerts.title')}>
        <StreamMark state={stream} />
        <Segmented options={filters} value={filter} onChange={setFilter} />
        <Input.Search
          className="tool-search"
          allowClear
          placeholder={t('alerts.search')}
          aria-label={t('alerts.search')}
          onChange={(e) => setSearch(e.target.value)}
        />
      </PageHead>
      {error !== null && <Trouble error={error} onRetry={reload} />}
      {loading && inbox.order.length === 0 && <Loading />}
      {!loading && error === null && shown.length === 0 && (
        <Nothing>{t(filter === 'todo' && !search ? 'alerts.empty' : 'alerts.emptyDone')}</Nothing>
      )}
      <div className="alert-list">
        {shown.map((alert) => (
          <AlertCard key={alert.alert_id} alert={alert} now={now} fresh={fresh.has(alert.alert_id)} />
        ))}
      </div>
      {cursor && inbox.order.length < ALERT_CAP && (
        <Button className="older" loading={fetching} onClick={() => void loadOlder()}>
          {t('alerts.older')}
        </Button>
      )}
    </>
  )
}
