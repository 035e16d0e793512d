import type { Identity, Matched, MeasureValue, TraitValue } from '../api/types'

export type Lang = 'zh' | 'en'

export function localeOf(lang: Lang): string {
  return lang === 'zh' ? 'zh-CN' : 'en-GB'
}

export function formatCount(n: number, lang: Lang): string {
  return new Intl.NumberFormat(localeOf(lang)).format(n)
}

// Money stays a string: a float would change cents of large sums.
export function formatDecimal(value: string): string {
  const m = /^(-?)(\d+)(\.\d+)?$/.exec(value)
  if (!m) return value
  return m[1] + m[2]!.replace(/\B(?=(\d{3})+$)/g, ',') + (m[3] ?? '')
}

export function formatMeasure(value: MeasureValue | undefined, lang: Lang): string {
  if (value === null || value === undefined) return '—'
  if (Array.isArray(value)) return value.length ? value.map(String).join(lang === 'zh' ? '、' : ', ') : '—'
  if (typeof value === 'number') return new Intl.NumberFormat(localeOf(lang), { maximumFractionDigits: 2 }).format(value)
  if (typeof value === 'boolean') return value ? '✓' : '✗'
  return INSTANT.test(value) ? formatTime(value, lang) : formatDecimal(value)
}

// A measure that holds a moment comes as the server writes moments; people read their own clock.
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

const SPANS: Record<string, Intl.NumberFormatOptions['unit']> = {
  ms: 'millisecond',
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
}

// A span as rules write it, such as 180d or 1h30m, in words; anything else stays as it is.
export function formatSpan(span: string, lang: Lang): string {
  if (!/^(\d+(ms|[smhdw]))+$/.test(span)) return span
  return [...span.matchAll(/(\d+)(ms|[smhdw])/g)]
    .map(([, n, unit]) => new Intl.NumberFormat(localeOf(lang), { style: 'unit', unit: SPANS[unit!], unitDisplay: 'long' }).format(Number(n)))
    .join(lang === 'zh' ? '' : ' ')
}

// What has happened is never "in 3 seconds": a page's clock may tick seldom, and clocks differ a little.
const CLOCKS_DIFFER_MS = 60_000

export function pastTime(iso: string | undefined | null, now: number, lang: Lang): string {
  const ahead = iso ? Date.parse(iso) - now : Number.NaN
  return relativeTime(iso, ahead > 0 && ahead < CLOCKS_DIFFER_MS ? now + ahead : now, lang)
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
]

export function relativeTime(iso: string | undefined | null, now: number, lang: Lang): string {
  const at = iso ? Date.parse(iso) : Number.NaN
  if (Number.isNaN(at)) return '—'
  const away = at - now
  if (Math.abs(away) < 1_500) return lang === 'zh' ? '刚刚' : 'just now'
  if (Math.abs(away) > 30 * 86_400_000) return formatDay(iso!, lang)
  const [unit, size] = STEPS.find(([, ms]) => Math.abs(away) >= ms)!
  return new Intl.RelativeTimeFormat(localeOf(lang), { numeric: 'always' }).format(Math.round(away / size), unit)
}

export function formatDay(iso: string, lang: Lang): string {
  return new Intl.DateTimeFormat(localeOf(lang), { year: 'numeric', month: 'short', day: 'numeric' }).format(new Date(iso))
}

export function formatTime(iso: string | undefined | null, lang: Lang): string {
  const at = iso ? Date.parse(iso) : Number.NaN
  if (Number.isNaN(at)) return '—'
  const options: Intl.DateTimeFormatOptions = {
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }
  if (new Date(at).getFullYear() !== new Date().getFullYear()) options.year = 'numeric'
  return new Intl.DateTimeFormat(localeOf(lang), options).format(at)
}

export function formatClock(iso: string): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return '—'
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export function matchedWords(matched: readonly Matched[] | undefined): string[] {
  const words: string[] = []
  for (const m of matched ?? []) {
    if (typeof m === 'string') words.push(m)
    else if (m.words?.length) words.push(...m.words)
    else if (m.word) words.push(m.word)
    else if (m.keyword ?? m.list) words.push((m.keyword ?? m.list)!)
  }
  return [...new Set(words)]
}

export function splitIdentity(identity: Identity): { namespace: string; value: string } {
  if (typeof identity !== 'string') return identity
  const colon = identity.indexOf(':')
  if (colon < 0) return { namespace: '', value: identity }
  return { namespace: identity.slice(0, colon), value: identity.slice(colon + 1) }
}

export function traitText(value: TraitValue | undefined): string {
  const inner = value !== null && typeof value === 'object' ? value.value : value
  return inner === null || inner === undefined || inner === '' ? '—' : String(inner)
}
