import type { Alert, AlertState } from '../api/types'

export const ALERT_CAP = 1000

// Alerts by id, newest first. The stream sends an alert again whenever its state changes.
export interface Inbox {
  byId: ReadonlyMap<string, Alert>
  order: readonly string[]
}

export const emptyInbox: Inbox = { byId: new Map(), order: [] }

export function mergeAlerts(inbox: Inbox, incoming: readonly Alert[]): Inbox {
  if (incoming.length === 0) return inbox
  const byId = new Map(inbox.byId)
  for (const alert of incoming) byId.set(alert.alert_id, alert)
  const newestFirst = (a: Alert, b: Alert) =>
    Date.parse(b.raised_at) - Date.parse(a.raised_at) || (a.alert_id < b.alert_id ? 1 : -1)
  const sorted = [...byId.values()].sort(newestFirst).slice(0, ALERT_CAP)
  return { byId: new Map(sorted.map((a) => [a.alert_id, a])), order: sorted.map((a) => a.alert_id) }
}

// A list is as old as its request: what the stream has told since then about an alert must not be undone by it.
export function notOvertaken(alerts: readonly Alert[], askedAt: number, liveAt: ReadonlyMap<string, number>): Alert[] {
  return alerts.filter((a) => (liveAt.get(a.alert_id) ?? Number.NEGATIVE_INFINITY) <= askedAt)
}

// What the page announces: alerts it has not seen before that still wait for someone.
export function arrivals(inbox: Inbox, incoming: readonly Alert[]): Alert[] {
  return incoming.filter((a) => !inbox.byId.has(a.alert_id) && a.state === 'open')
}

export type AlertFilter = 'todo' | 'done' | 'all'

const WAITING: ReadonlySet<AlertState> = new Set<AlertState>(['open', 'claimed'])

export function visibleAlerts(inbox: Inbox, filter: AlertFilter, search: string): Alert[] {
  const wanted = search.trim().toLowerCase()
  return inbox.order
    .map((id) => inbox.byId.get(id)!)
    .filter((a) => (filter === 'all' ? true : filter === 'todo' ? WAITING.has(a.state) : !WAITING.has(a.state)))
    .filter((a) => !wanted || haystack(a).includes(wanted))
}

function haystack(a: Alert): string {
  return [a.title, a.tag, a.name, a.profile_id, a.staff_id, a.rule].join(' ').toLowerCase()
}

export function openCount(inbox: Inbox): number {
  let n = 0
  for (const alert of inbox.byId.values()) if (alert.state === 'open') n++
  return n
}

const RANK: Record<string, number> = { critical: 4, high: 3, medium: 2, low: 1 }

export function severityRank(severity: string): number {
  return RANK[severity] ?? 2
}
