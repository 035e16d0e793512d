import type { StandingCuts, TakenCuts } from '../api/types'

export const USUAL_POINTS = '20, 50, 80'

// Percentages as people write them, rising and each once; null where something else stands among them.
export function parsePoints(text: string): number[] | null {
  const parts = text
    .split(/[,，、;；\s]+/)
    .map((part) => part.replace(/^p/i, '').replace(/%$/, ''))
    .filter((part) => part !== '')
  const points = parts.map(Number)
  if (points.length === 0 || points.some((p) => !Number.isInteger(p) || p < 1 || p > 99)) return null
  return [...new Set(points)].sort((a, b) => a - b)
}

export function pointsText(cuts: StandingCuts | undefined): string {
  return cuts ? cuts.points.map((p) => p.point.slice(1)).join(', ') : USUAL_POINTS
}

export interface CutChange {
  point: string
  was?: string
  now?: string
}

// What stands beside what was taken, by percentage.
export function compareCuts(standing: StandingCuts | undefined, taken: TakenCuts): CutChange[] {
  const rows = new Map<string, CutChange>()
  for (const { point, value } of standing?.points ?? []) rows.set(point, { point, was: value })
  for (const { point, value } of taken.points) rows.set(point, { ...rows.get(point), point, now: value })
  return [...rows.values()].sort((a, b) => percentOf(a.point) - percentOf(b.point))
}

// The points that rules compare with and that were not asked for: without them the rules would not hold together.
export function missingPoints(standing: StandingCuts | undefined, asked: readonly number[]): string[] {
  const read = (standing?.points ?? []).filter((p) => p.read_by.length > 0)
  return read.map((p) => p.point).filter((point) => !asked.includes(percentOf(point)))
}

export function percentOf(point: string): number {
  return Number(point.slice(1))
}
