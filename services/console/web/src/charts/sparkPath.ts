import type { Sample } from '../live/board'

export interface SparkPath {
  line: string
  area: string
  end: [x: number, y: number]
}

const PAD = 3

// Time runs over the whole width; a flat series lies in the middle, so that it does not look like zero.
export function sparkPath(samples: readonly Sample[], width: number, height: number): SparkPath | null {
  if (samples.length === 0) return null
  const counts = samples.map((s) => s.count)
  const low = Math.min(...counts)
  const span = Math.max(...counts) - low
  const start = samples[0]!.at
  const time = samples[samples.length - 1]!.at - start || 1
  const points = samples.map((s): [number, number] => [
    round(samples.length === 1 ? width - PAD : PAD + ((s.at - start) / time) * (width - 2 * PAD)),
    round(span === 0 ? height / 2 : height - PAD - ((s.count - low) / span) * (height - 2 * PAD)),
  ])
  const line = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  const end = points[points.length - 1]!
  const area = `${line}L${end[0]} ${height}L${points[0]![0]} ${height}Z`
  return { line, area, end }
}

function round(n: number): number {
  return Math.round(n * 10) / 10
}
