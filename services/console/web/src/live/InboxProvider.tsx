import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { ApiError, getJson, sendJson } from '../api/client'
import type { StreamState } from '../api/sse'
import type { Alert, AlertAction, AlertList } from '../api/types'
import { useWords } from '../i18n'
import { arrivals, emptyInbox, mergeAlerts, notOvertaken, openCount, severityRank, type Inbox } from './alerts'
import { useStream } from './useStream'

interface InboxState {
  inbox: Inbox
  open: number
  stream: StreamState
  loading: boolean
  error: unknown
  cursor: string | undefined
  older: () => Promise<void>
  reload: () => void
  act: (alert: Alert, action: AlertAction, body?: Record<string, unknown>) => Promise<void>
  // Ids that came in over the stream since the page was opened, to mark them in the list.
  fresh: ReadonlySet<string>
}

const InboxContext = createContext<InboxState | null>(null)
const LIST = '/api/v1/alerts?limit=100'

// One inbox for the whole page: the badge, the overview and the alert page show the same thing from one stream.
export function InboxProvider({ children }: { children: ReactNode }) {
  const [inbox, setInbox] = useState<Inbox>(emptyInbox)
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set())
  const [news, setNews] = useState<Alert[]>([])
  const current = useRef(inbox)
  const liveAt = useRef(new Map<string, number>())
  const takeList = useCallback((alerts: Alert[], askedAt: number) => {
    current.current = mergeAlerts(current.current, notOvertaken(alerts, askedAt, liveAt.current))
    setInbox(current.current)
  }, [])
  const takeLive = useCallback((alerts: Alert[]) => {
    const now = performance.now()
    for (const alert of alerts) liveAt.current.set(alert.alert_id, now)
    const arrived = arrivals(current.current, alerts)
    current.current = mergeAlerts(current.current, alerts)
    setInbox(current.current)
    if (arrived.length === 0) return
    setNews(arrived)
    setFresh((old) => new Set([...old, ...arrived.map((a) => a.alert_id)]))
  }, [])
  const list = useList(takeList)
  const stream = useStream<Alert>({ url: '/api/v1/alerts/stream' }, { onItems: takeLive, onResync: list.reload })
  // The stream starts at "now", so what was raised between the list and the stream's opening is fetched once more.
  const { reload } = list
  useEffect(() => {
    if (stream === 'open') reload()
  }, [stream, reload])

  const act = useCallback(
    async (alert: Alert, action: AlertAction, body: Record<string, unknown> = {}) => {
      const changed = await sendJson<Alert>('POST', `/api/v1/alerts/${encodeURIComponent(alert.alert_id)}/${action}`, body)
      if (changed?.alert_id) takeList([changed], performance.now())
    },
    [takeList],
  )
  const open = openCount(inbox)
  useTitleCount(open)
  const value = useMemo<InboxState>(
    () => ({ inbox, open, stream, act, fresh, ...list }),
    [inbox, open, stream, act, fresh, list],
  )
  return (
    <InboxContext.Provider value={value}>
      {children}
      <Announcer news={news} />
    </InboxContext.Provider>
  )
}

function useList(take: (alerts: Alert[], askedAt: number) => void) {
  const [loading, setLoading] = useState(true)
  const [error, setError] = useState<unknown>(null)
  const [cursor, setCursor] = useState<string | undefined>()
  const fetchPage = useCallback(
    async (path: string) => {
      const askedAt = performance.now()
      try {
        const page = await getJson<AlertList>(path)
        take(page.alerts, askedAt)
        setError(null)
        return page.next_cursor
      } catch (caught) {
        // A 401 has ended the session already; there is nothing more to show for it.
        if (!(caught instanceof ApiError && caught.status === 401)) setError(caught)
        return undefined
      } finally {
        setLoading(false)
      }
    },
    [take],
  )
  const reload = useCallback(() => {
    void fetchPage(LIST).then(setCursor)
  }, [fetchPage])
  useEffect(reload, [reload])
  const older = useCallback(async () => {
    if (cursor) setCursor(await fetchPage(`${LIST}&cursor=${encodeURIComponent(cursor)}`))
  }, [cursor, fetchPage])
  return useMemo(() => ({ loading, error, cursor, reload, older }), [loading, error, cursor, reload, older])
}

function useTitleCount(open: number): void {
  const { t } = useWords()
  const name = t('app.name')
  useEffect(() => {
    document.title = open > 0 ? `(${open}) ${name}` : name
  }, [open, name])
}

// Screen readers hear new alerts: high ones at once, others when the reader pauses.
function Announcer({ news }: { news: Alert[] }) {
  const { t } = useWords()
  const say = (alerts: Alert[]) =>
    alerts.map((a) => t('alerts.new', { title: a.title, name: a.name || a.profile_id })).join('; ')
  const urgent = news.filter((a) => severityRank(a.severity) >= 3)
  const calm = news.filter((a) => severityRank(a.severity) < 3)
  return (
    <>
      <div className="sr-only" role="log" aria-live="polite">
        {say(calm)}
      </div>
      <div className="sr-only" role="alert" aria-live="assertive">
        {say(urgent)}
      </div>
    </>
  )
}

export function useInbox(): InboxState {
  const state = useContext(InboxContext)
  if (!state) throw new Error('useInbox outside InboxProvider')
  return state
}
