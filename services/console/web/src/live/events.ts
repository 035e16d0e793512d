import type { LiveEvent } from '../api/types'

export const EVENT_CAP = 300

// Feed holds the newest events first. While paused, arrivals wait in `held`, which has the same cap,
// so a page left paused for a night does not grow.
export interface Feed {
  rows: readonly LiveEvent[]
  held: readonly LiveEvent[]
  heldCount: number
  paused: boolean
  total: number
  rejected: number
}

export const emptyFeed: Feed = { rows: [], held: [], heldCount: 0, paused: false, total: 0, rejected: 0 }

export function eventKey(e: LiveEvent): string {
  return `${e.source}/${e.event_id}/${e.verdict}`
}

// An event may come again with what it has set off (tags, alerts): it then takes the place of its first report.
export function addEvents(feed: Feed, arrived: readonly LiveEvent[]): Feed {
  if (arrived.length === 0) return feed
  const latest = new Map(arrived.map((e) => [eventKey(e), e]))
  const replace = (list: readonly LiveEvent[]) =>
    list.map((e) => {
      const again = latest.get(eventKey(e))
      if (!again) return e
      latest.delete(eventKey(e))
      return again
    })
  const before: Feed = { ...feed, rows: replace(feed.rows), held: replace(feed.held) }
  return addNew(before, [...latest.values()])
}

function addNew(feed: Feed, incoming: readonly LiveEvent[]): Feed {
  const newest = [...incoming].reverse()
  const total = feed.total + incoming.length
  const rejected = feed.rejected + incoming.filter((e) => e.verdict === 'rejected').length
  if (feed.paused) {
    const held = [...newest, ...feed.held].slice(0, EVENT_CAP)
    return { ...feed, held, heldCount: feed.heldCount + incoming.length, total, rejected }
  }
  return { ...feed, rows: [...newest, ...feed.rows].slice(0, EVENT_CAP), total, rejected }
}

export function setPaused(feed: Feed, paused: boolean): Feed {
  if (paused === feed.paused) return feed
  if (paused) return { ...feed, paused }
  return { ...feed, paused, rows: [...feed.held, ...feed.rows].slice(0, EVENT_CAP), held: [], heldCount: 0 }
}

export interface EventFilter {
  text: string
  verdict: 'all' | 'accepted' | 'rejected' | 'effect'
}

// `effect` keeps what moved something: a tag applied or removed, an alert raised.
export function filterEvents(rows: readonly LiveEvent[], filter: EventFilter): LiveEvent[] {
  const wanted = filter.text.trim().toLowerCase()
  return rows.filter((e) => verdictMatches(e, filter.verdict) && (!wanted || haystack(e).includes(wanted)))
}

function verdictMatches(e: LiveEvent, verdict: EventFilter['verdict']): boolean {
  if (verdict === 'all') return true
  if (verdict === 'effect') return Boolean(e.tags_applied?.length || e.tags_removed?.length || e.alerts?.length || e.stage)
  return e.verdict === verdict
}

function haystack(e: LiveEvent): string {
  return [e.type, e.source, e.profile_id, e.event_id, e.reason, ...(e.tags_applied ?? []), ...(e.tags_removed ?? []), e.stage]
    .join(' ')
    .toLowerCase()
}
