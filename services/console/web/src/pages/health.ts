import type { PartHealth, Status } from '../api/types'

export interface HealthRow {
  name: string
  ok: boolean
  lag?: number
  detail?: string
}

// Roles in the order in which an event passes through them; what is not listed comes last.
const WAY = ['collector', 'connector', 'resolver', 'tagger', 'archiver', 'notifier', 'console']

export function healthRows(status: Status): { roles: HealthRow[]; parts: HealthRow[] } {
  const place = (name: string) => (WAY.includes(name) ? WAY.indexOf(name) : WAY.length)
  const roles = Object.entries(status.roles ?? {})
    .map(([name, r]) => ({ name, ok: r.ok, lag: r.lag_seconds, detail: r.detail }))
    .sort((a, b) => place(a.name) - place(b.name))
  const parts = Object.entries(status.parts ?? {}).map(([name, part]) => ({ name, ...partRow(part) }))
  return { roles, parts }
}

// A part is told as true or false, as a word, or with details.
function partRow(part: PartHealth | boolean | string): Omit<HealthRow, 'name'> {
  if (typeof part === 'boolean') return { ok: part }
  if (typeof part === 'string') return part === 'ok' ? { ok: true } : { ok: false, detail: part }
  const detail = [part.version, part.detail].filter(Boolean).join(' · ')
  return { ok: part.ok !== false, detail: detail || undefined }
}

const PARTS: Record<string, string> = { clickhouse: 'ClickHouse', kafka: 'Kafka', redis: 'Redis' }

export function partName(name: string): string {
  return PARTS[name] ?? name
}

// How much of the work a service holds, as it is told: "8 of 8 partitions", "4 shards".
export interface Share {
  held: number
  all?: number
  unit: 'partitions' | 'shards'
}

export function shareOf(detail: string | undefined): Share | undefined {
  const told = /^(\d+)(?: of (\d+))? (partitions|shards)$/.exec(detail ?? '')
  if (!told) return undefined
  return { held: Number(told[1]), all: told[2] ? Number(told[2]) : undefined, unit: told[3] as Share['unit'] }
}
