import type { MeasureValue } from '../api/types'
import { formatMeasure, formatSpan, type Lang } from '../text/format'

// A reason is an object whose keys depend on the kind of rule; it is shown as path and value.
export function reasonLines(reason: Record<string, unknown> | undefined, lang: Lang): [string, string][] {
  const lines: [string, string][] = []
  walk(reason ?? {}, '', lines, lang)
  return lines
}

function walk(value: Record<string, unknown>, prefix: string, lines: [string, string][], lang: Lang): void {
  for (const [key, inner] of Object.entries(value)) {
    const name = prefix + key
    if (isPlain(inner)) walk(inner, `${name}.`, lines, lang)
    else if (Array.isArray(inner) && inner.some(isPlain)) {
      inner.forEach((one, i) => walk(isPlain(one) ? one : { '': one }, `${name}.${i + 1}.`, lines, lang))
    } else lines.push([name, valueText(key, inner as MeasureValue, lang)])
  }
}

function valueText(key: string, value: MeasureValue, lang: Lang): string {
  return key === 'lasts' && typeof value === 'string' ? formatSpan(value, lang) : formatMeasure(value, lang)
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
