import { describe, expect, it } from 'vitest'
import type { Alert, LiveEvent, TagBoard } from '../api/types'
import { ALERT_CAP, arrivals, emptyInbox, mergeAlerts, notOvertaken, openCount, visibleAlerts } from './alerts'
import { addSample, change, emptyBoard, freshness, groupColor, groupTags, reduceBoard, SAMPLE_MS, topShares, TRAIL_MS, trailMinutes } from './board'
import { addEvents, emptyFeed, EVENT_CAP, filterEvents, setPaused } from './events'

const T0 = Date.parse('2026-03-01T08:00:00Z')
const iso = (ms: number) => new Date(T0 + ms).toISOString()

function board(ms: number, counts: Record<string, number>): TagBoard {
  return {
    as_of: iso(ms),
    rules_version: 1,
    population: { known: 10, anonymous: 2 },
    stages: [],
    tags: Object.entries(counts).map(([tag, count]) => ({ tag, group: tag.split(':')[0]!, count, anonymous: 0 })),
  }
}

describe('board', () => {
  it('replaces the snapshot, keeps a trail and forgets tags that are gone', () => {
    const states = [board(0, { a: 1, b: 5 }), board(6_000, { a: 3, b: 5 }), board(12_000, { a: 2 })].reduce(reduceBoard, emptyBoard)
    expect(states.snapshot?.tags.map((t) => t.count)).toEqual([2])
    expect(states.trail.get('a')?.map((s) => s.count)).toEqual([1, 3, 2])
    expect(states.trail.has('b')).toBe(false)
    expect(change(states.trail.get('a'))).toBe(1)
  })

  it('ignores an older or senseless message', () => {
    const now = reduceBoard(emptyBoard, board(10_000, { a: 1 }))
    expect(reduceBoard(now, board(5_000, { a: 9 }))).toBe(now)
    expect(reduceBoard(now, { ...board(0, {}), as_of: 'soon' })).toBe(now)
  })

  it('shows an empty board that has no time yet, and goes on from there', () => {
    const first = reduceBoard(emptyBoard, { ...board(0, { a: 0 }), as_of: null })
    expect(first.snapshot?.tags).toHaveLength(1)
    expect(freshness(first.snapshot?.as_of, T0)).toBe('none')
    const next = reduceBoard(first, board(0, { a: 1 }))
    expect(next.trail.get('a')).toHaveLength(1)
    expect(reduceBoard(next, { ...board(0, {}), as_of: null })).toBe(next)
  })

  it('keeps one sample per slot, the first of all, and no more than ten minutes', () => {
    let samples = addSample([], { at: T0, count: 1 })
    samples = addSample(samples, { at: T0 + 100, count: 2 })
    samples = addSample(samples, { at: T0 + 200, count: 3 })
    expect(samples.map((s) => s.count)).toEqual([1, 3])
    for (let at = T0 + SAMPLE_MS; at < T0 + 3 * TRAIL_MS; at += 500) samples = addSample(samples, { at, count: at % 7 })
    expect(samples.length).toBeLessThanOrEqual(TRAIL_MS / SAMPLE_MS + 1)
    expect(trailMinutes(samples)).toBe(10)
    expect(trailMinutes(samples.slice(-2))).toBe(1)
  })

  it('groups by name with the pinned first, each by count, and searches tag and group', () => {
    const tags = board(0, { '渠道:抖音': 2, '渠道:门店A': 9, 意向: 4 }).tags
    const view = { search: '', pinned: new Set(['意向']) }
    expect(groupTags(tags, view).map((g) => [g.group, g.tags.map((t) => t.count)])).toEqual([
      ['', [4]],
      ['渠道', [9, 2]],
    ])
    expect(groupTags(tags, { search: ' 门店a ', pinned: new Set() })).toHaveLength(1)
    expect(groupTags(tags, { search: '没有', pinned: new Set() })).toEqual([])
  })

  it('orders groups as the rules do, those without an order behind', () => {
    const tags = board(0, { 'b:x': 1, 'a:x': 1, 'c:x': 1 }).tags
    const groups = [{ group: 'c', dimensions: [], order: 1 }, { group: 'b', dimensions: [], order: 2 }, { group: 'a', dimensions: [] }]
    expect(groupTags(tags, { search: '', pinned: new Set(), groups }).map((g) => g.group)).toEqual(['c', 'b', 'a'])
  })

  it('takes colours of the rules, and nothing else that may stand there', () => {
    const groups = ['red', '#d4380d', 'url(x)'].map((color, i) => ({ group: `${i}`, dimensions: [], color }))
    expect(['0', '1', '2', '3'].map((g) => groupColor(groups, g))).toEqual(['red', '#d4380d', undefined, undefined])
  })

  it('splits a count, the largest first, and tells how many values are left', () => {
    expect(topShares({ s1: 3, s2: 9, s3: 9 }, 2)).toEqual({ shares: [{ value: 's2', count: 9 }, { value: 's3', count: 9 }], rest: 1 })
    expect(topShares({}, 2)).toEqual({ shares: [], rest: 0 })
  })

  it('tells how fresh it is', () => {
    expect(freshness(undefined, T0)).toBe('none')
    expect(freshness(iso(0), T0 + 5_000)).toBe('live')
    expect(freshness(iso(0), T0 + 60_000)).toBe('slow')
    expect(freshness(iso(0), T0 + 60_001)).toBe('stale')
  })
})

function alert(id: string, ms: number, more: Partial<Alert> = {}): Alert {
  return {
    alert_id: id, profile_id: 'p1', rule: 'r', rule_version: 1, tag: '高意向', severity: 'high', title: `t ${id}`,
    staff_id: '', state: 'open', raised_at: iso(ms), ...more,
  }
}

describe('inbox', () => {
  it('is newest first, holds each alert once, and takes its newest state', () => {
    let inbox = mergeAlerts(emptyInbox, [alert('a', 0), alert('b', 10)])
    inbox = mergeAlerts(inbox, [alert('a', 0, { state: 'claimed' })])
    expect(inbox.order).toEqual(['b', 'a'])
    expect(inbox.byId.get('a')?.state).toBe('claimed')
    expect(openCount(inbox)).toBe(1)
  })

  it('announces only what is new and open', () => {
    const inbox = mergeAlerts(emptyInbox, [alert('a', 0)])
    const came = [alert('a', 0), alert('b', 1), alert('c', 2, { state: 'acked' })]
    expect(arrivals(inbox, came).map((a) => a.alert_id)).toEqual(['b'])
  })

  it('lets no older list undo what the stream has told', () => {
    const liveAt = new Map([['a', 100]])
    expect(notOvertaken([alert('a', 0), alert('b', 1)], 50, liveAt).map((a) => a.alert_id)).toEqual(['b'])
    expect(notOvertaken([alert('a', 0)], 150, liveAt)).toHaveLength(1)
  })

  it('stays bounded and keeps the newest', () => {
    const many = Array.from({ length: ALERT_CAP + 50 }, (_, i) => alert(`x${i}`, i))
    const inbox = mergeAlerts(emptyInbox, many)
    expect(inbox.order).toHaveLength(ALERT_CAP)
    expect(inbox.order[0]).toBe(`x${ALERT_CAP + 49}`)
    expect(inbox.byId.size).toBe(ALERT_CAP)
  })

  it('filters by what is left to do and by words', () => {
    const inbox = mergeAlerts(emptyInbox, [alert('a', 0, { name: '李强' }), alert('b', 1, { state: 'dismissed' }), alert('c', 2, { state: 'claimed' })])
    expect(visibleAlerts(inbox, 'todo', '').map((a) => a.alert_id)).toEqual(['c', 'a'])
    expect(visibleAlerts(inbox, 'done', '').map((a) => a.alert_id)).toEqual(['b'])
    expect(visibleAlerts(inbox, 'all', '李').map((a) => a.alert_id)).toEqual(['a'])
  })
})

function event(id: string, more: Partial<LiveEvent> = {}): LiveEvent {
  return { event_id: id, type: 'link.open', time: iso(0), received_at: iso(0), source: 's1', verdict: 'accepted', ...more }
}

describe('feed', () => {
  it('puts the newest first and counts', () => {
    const feed = addEvents(emptyFeed, [event('1'), event('2', { verdict: 'rejected' })])
    expect(feed.rows.map((e) => e.event_id)).toEqual(['2', '1'])
    expect([feed.total, feed.rejected]).toEqual([2, 1])
  })

  it('puts an event that comes again in the place of its first report', () => {
    let feed = addEvents(emptyFeed, [event('1'), event('2')])
    feed = addEvents(feed, [event('1', { tags_applied: ['询价'] }), event('3'), event('3', { stage: '新' })])
    expect(feed.rows.map((e) => e.event_id)).toEqual(['3', '2', '1'])
    expect(feed.rows[2]?.tags_applied).toEqual(['询价'])
    expect(feed.rows[0]?.stage).toBe('新')
    expect(feed.total).toBe(3)
    // The same id of another source, or refused, is another report.
    expect(addEvents(feed, [event('1', { source: 's2' }), event('1', { verdict: 'rejected' })]).total).toBe(5)
  })

  it('holds arrivals while paused, then shows them in order', () => {
    let feed = addEvents(emptyFeed, [event('1')])
    feed = addEvents(setPaused(feed, true), [event('2'), event('3')])
    expect(feed.rows.map((e) => e.event_id)).toEqual(['1'])
    expect(feed.heldCount).toBe(2)
    feed = setPaused(feed, false)
    expect(feed.rows.map((e) => e.event_id)).toEqual(['3', '2', '1'])
    expect(feed.heldCount).toBe(0)
  })

  it('stays bounded, paused or not, and still counts all', () => {
    const many = Array.from({ length: EVENT_CAP * 2 }, (_, i) => event(`e${i}`))
    expect(addEvents(emptyFeed, many).rows).toHaveLength(EVENT_CAP)
    const paused = addEvents(setPaused(emptyFeed, true), many)
    expect(paused.held).toHaveLength(EVENT_CAP)
    expect(paused.heldCount).toBe(EVENT_CAP * 2)
    expect(setPaused(paused, false).rows[0]?.event_id).toBe(`e${EVENT_CAP * 2 - 1}`)
  })

  it('filters by verdict, by effect and by words', () => {
    const rows = [event('1', { tags_applied: ['高意向'] }), event('2', { verdict: 'rejected', reason: 'no_identity' }), event('3')]
    const ids = (list: LiveEvent[]) => list.map((e) => e.event_id)
    expect(ids(filterEvents(rows, { text: '', verdict: 'effect' }))).toEqual(['1'])
    expect(ids(filterEvents(rows, { text: '', verdict: 'rejected' }))).toEqual(['2'])
    expect(ids(filterEvents(rows, { text: '高意', verdict: 'all' }))).toEqual(['1'])
    expect(ids(filterEvents(rows, { text: 'LINK', verdict: 'accepted' }))).toEqual(['1', '3'])
  })
})
