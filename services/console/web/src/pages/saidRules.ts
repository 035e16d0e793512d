import type { RulesSaid, SaidKind, SaidRule, TagBoard } from '../api/types'
import { UNGROUPED } from '../live/board'
import type { Lang } from '../text/format'

export interface SaidSection {
  // Tag groups have the name that the rules give them; what is not in a group has none.
  kind: 'group' | 'stage' | 'measure' | 'keyword'
  group: string
  rules: SaidRule[]
}

// Tags by group in the order of the board, each rule followed by its choices and alerts; then stages, then what they are
// all made of.
export function sectionsOf(said: RulesSaid, search: string, lang: Lang): SaidSection[] {
  const hits = said.rules.filter((r) => fits(r, search, lang))
  const order = new Map(said.groups.map((g) => [g.group, g.order || Number.MAX_SAFE_INTEGER]))
  const place = (group: string) => order.get(group) ?? Number.MAX_SAFE_INTEGER
  const groups = new Map<string, SaidRule[]>()
  for (const rule of hits.filter((r) => r.kind === 'tag' || r.kind === 'choice' || r.kind === 'alert')) {
    const group = rule.group || UNGROUPED
    groups.set(group, [...(groups.get(group) ?? []), rule])
  }
  const sections: SaidSection[] = [...groups]
    .sort(([a], [b]) => Number(a === UNGROUPED) - Number(b === UNGROUPED) || place(a) - place(b) || a.localeCompare(b, 'zh'))
    .map(([group, rules]) => ({ kind: 'group', group, rules }))
  for (const kind of ['stage', 'measure', 'keyword'] as const) {
    const rules = hits.filter((r) => r.kind === kind)
    if (rules.length > 0) sections.push({ kind, group: '', rules })
  }
  return sections
}

function fits(rule: SaidRule, search: string, lang: Lang): boolean {
  const wanted = search.trim().toLowerCase()
  if (!wanted) return true
  return [rule.name, rule.rule, rule.group, rule[lang]].some((text) => text?.toLowerCase().includes(wanted))
}

// The sentence begins with the name, which the page makes bold; its colon stays with the rest.
export function splitName(rule: SaidRule, lang: Lang): { name: string; rest: string } {
  const text = rule[lang]
  const mark = lang === 'zh' ? '：' : ': '
  if (!text.startsWith(rule.name + mark)) return { name: '', rest: text }
  return { name: rule.name, rest: text.slice(rule.name.length) }
}

// How many customers a rule holds for now; undefined where it is no tag or stage of its own: a family, an alert.
export function holdersOf(board: TagBoard | undefined, rules: readonly SaidRule[]): (rule: SaidRule) => number | undefined {
  const choosing = new Set(rules.filter((r) => r.kind === 'choice').map((r) => r.rule))
  const tags = new Map(board?.tags.map((t) => [t.tag, t.count]))
  const stages = new Map(board?.stages.map((s) => [s.stage, s.count]))
  const counted: Partial<Record<SaidKind, (r: SaidRule) => number | undefined>> = {
    tag: (r) => (choosing.has(r.name) ? undefined : tags.get(r.name)),
    choice: (r) => tags.get(r.name),
    stage: (r) => stages.get(r.name),
  }
  return (rule) => counted[rule.kind]?.(rule)
}
