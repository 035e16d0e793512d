// Office computers run minutes wrong. The server says its time with each stream that opens, and what the page
// shows as "3 minutes ago" or "live" is reckoned by that time.

const IGNORED_MS = 2_000

// The Date header has whole seconds, so a difference below two of them says nothing.
export function skewOf(dateHeader: string | null, now: number): number {
  const server = dateHeader ? Date.parse(dateHeader) : Number.NaN
  if (Number.isNaN(server)) return 0
  const skew = server - now
  return Math.abs(skew) <= IGNORED_MS ? 0 : skew
}
