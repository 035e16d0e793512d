import type { GroupInfo, TagBoard, TagCount } from '../api/types'

export interface Sample {
  at: number
  count: number
}

// Board is what the tag page shows: the newest snapshot and, per tag, a short trail for its sparkline.
export interface Board {
  snapshot: TagBoard | null
  trail: ReadonlyMap<string, readonly Sample[]>
}

export const SAMPLE_MS = 5_000
export const TRAIL_MS = 10 * 60_000

export const emptyBoard: Board = { snapshot: null, trail: new Map() }

// A message older than what is shown is dropped: after a reconnect to another console the clock may step back.
export function reduceBoard(board: Board, next: TagBoard): Board {
  const at = momentOf(next.as_of)
  if (board.snapshot && at < momentOf(board.snapshot.as_of)) return board
  if (!Number.isFinite(at)) return { snapshot: next, trail: new Map() }
  const trail = new Map<string, readonly Sample[]>()
  for (const tag of next.tags) {
    trail.set(tag.tag, addSample(board.trail.get(tag.tag) ?? [], { at, count: tag.count }))
  }
  return { snapshot: next, trail }
}

function momentOf(asOf: string | null): number {
  const at = asOf ? Date.parse(asOf) : Number.NaN
  return Number.isNaN(at) ? Number.NEGATIVE_INFINITY : at
}

// One sample per slot of five seconds; within a slot the newest value replaces the earlier one.
export function addSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const kept = samples.filter((s) => s.at > sample.at - TRAIL_MS)
  const last = kept[kept.length - 1]
  const sameSlot = last && Math.floor(last.at / SAMPLE_MS) === Math.floor(sample.at / SAMPLE_MS)
  if (sameSlot && kept.length > 1) kept.pop()
  kept.push(sample)
  return kept
}

// The change over the trail: how many more (or fewer) hold the tag than at its first sample.
export function change(samples: readonly Sample[] | undefined): number {
  if (!samples || samples.length < 2) return 0
  return samples[samples.length - 1]!.count - samples[0]!.count
}

// How far back the trail goes, in begun minutes: a page opened just now must not claim to know ten.
export function trailMinutes(samples: readonly Sample[]): number {
  if (samples.length < 2) return 1
  return Math.max(1, Math.ceil((samples[samples.length - 1]!.at - samples[0]!.at) / 60_000))
}

// Stands for tags whose rule names no group.
export const UNGROUPED = '—'

export interface TagGroup {
  group: string
  tags: TagCount[]
}

export interface BoardView {
  search: string
  pinned: ReadonlySet<string>
  groups?: readonly GroupInfo[]
}

// Pinned tags come first as a group of their own (named ''), then groups as the rules order them, the others by name;
// in a group by count.
export function groupTags(tags: readonly TagCount[], view: BoardView): TagGroup[] {
  const wanted = view.search.trim().toLowerCase()
  const hits = tags.filter((t) => !wanted || t.tag.toLowerCase().includes(wanted) || t.group.toLowerCase().includes(wanted))
  const groups = new Map<string, TagCount[]>()
  const pinned = hits.filter((t) => view.pinned.has(t.tag))
  if (pinned.length > 0) groups.set('', pinned)
  const rest = hits.filter((t) => !view.pinned.has(t.tag))
  const order = new Map(view.groups?.map((g) => [g.group, g.order || Number.MAX_SAFE_INTEGER]))
  const place = (tag: TagCount) => order.get(tag.group) ?? Number.MAX_SAFE_INTEGER
  for (const tag of [...rest].sort((a, b) => place(a) - place(b) || a.group.localeCompare(b.group, 'zh'))) {
    const name = tag.group || UNGROUPED
    groups.set(name, [...(groups.get(name) ?? []), tag])
  }
  const byCount = (a: TagCount, b: TagCount) => b.count - a.count || a.tag.localeCompare(b.tag, 'zh')
  return [...groups].map(([group, list]) => ({ group, tags: list.sort(byCount) }))
}

export type Freshness = 'live' | 'slow' | 'stale' | 'none'

// The board is as fresh as its as_of: within 5 s live, within a minute slow, beyond that stale.
export function freshness(asOf: string | null | undefined, now: number): Freshness {
  const at = asOf ? Date.parse(asOf) : Number.NaN
  if (Number.isNaN(at)) return 'none'
  const age = now - at
  if (age <= 5_000) return 'live'
  return age <= 60_000 ? 'slow' : 'stale'
}

export interface Share {
  value: string
  count: number
}

// The largest values of a split, and how many customers' places the rest holds.
export function topShares(by: Record<string, number>, most: number): { shares: Share[]; rest: number } {
  const all = Object.entries(by).map(([value, count]) => ({ value, count }))
  all.sort((a, b) => b.count - a.count || a.value.localeCompare(b.value, 'zh'))
  return { shares: all.slice(0, most), rest: Math.max(0, all.length - most) }
}

// A colour of the rules, if it is one word or #hex; anything else has no effect on the page.
export function groupColor(groups: readonly GroupInfo[] | undefined, group: string): string | undefined {
  const color = groups?.find((g) => g.group === group)?.color
  return color && /^(#[0-9a-f]{3,8}|[a-z]+)$/i.test(color) ? color : undefined
}
