import { describe, expect, it } from 'vitest'
import type { RulesSaid, SaidKind, SaidRule, StandingCuts, TagBoard, TakenCuts } from '../api/types'
import { compareCuts, missingPoints, parsePoints, pointsText, USUAL_POINTS } from './cutPoints'
import { holdersOf, sectionsOf, splitName } from './saidRules'

function rule(kind: SaidKind, name: string, more: Partial<SaidRule> = {}): SaidRule {
  return { kind, name, file: 'rules.yaml', line: 1, zh: `${name}：满足条件。`, en: `${name}: fulfils it.`, ...more }
}

const said: RulesSaid = {
  version: 3,
  rules: [
    rule('keyword', '询价'),
    rule('measure', '净消费', { numeric: true }),
    rule('tag', '无组'),
    rule('tag', '高意向', { group: '意向', en: '高意向: opened 3 links.' }),
    rule('alert', '高意向', { group: '意向', rule: '高意向' }),
    rule('tag', '会员等级', { group: '等级' }),
    rule('choice', '黄金', { group: '等级', rule: '会员等级' }),
    rule('choice', '普通', { group: '等级', rule: '会员等级' }),
    rule('stage', '新'),
  ],
  groups: [{ group: '意向', dimensions: [], order: 2 }, { group: '等级', dimensions: [], order: 1 }],
  cuts: [],
}
const named = (search: string, lang: 'zh' | 'en' = 'zh') =>
  sectionsOf(said, search, lang).map((s) => `${s.kind} ${s.group}: ${s.rules.map((r) => r.name).join(' ')}`)

describe('rules in sentences', () => {
  it('stand by group as the rules order them, then stages and what they are made of', () => {
    expect(named('')).toEqual([
      'group 等级: 会员等级 黄金 普通',
      'group 意向: 高意向 高意向',
      'group —: 无组',
      'stage : 新',
      'measure : 净消费',
      'keyword : 询价',
    ])
  })
  it('are found by name, by rule and by what the sentence says', () => {
    expect(named(' 黄金 ')).toEqual(['group 等级: 黄金'])
    expect(named('会员')).toEqual(['group 等级: 会员等级 黄金 普通'])
    expect(named('OPENED', 'en')).toEqual(['group 意向: 高意向'])
    expect(named('opened')).toEqual([])
  })
  it('set the name apart in both languages', () => {
    expect(splitName(rule('tag', 'A'), 'zh')).toEqual({ name: 'A', rest: '：满足条件。' })
    expect(splitName(rule('tag', 'A'), 'en')).toEqual({ name: 'A', rest: ': fulfils it.' })
    expect(splitName(rule('tag', 'A', { zh: '满足。' }), 'zh')).toEqual({ name: '', rest: '满足。' })
  })
  it('say for how many they hold, and nothing where nobody can hold them', () => {
    const tag = (name: string, count: number) => ({ tag: name, group: '', count, anonymous: 0 })
    const board = { tags: [tag('高意向', 0), tag('黄金', 5), tag('会员等级', 9)], stages: [{ stage: '新', count: 7 }] } as unknown as TagBoard
    const count = holdersOf(board, said.rules)
    const all = said.rules.map((r) => count(r))
    expect(all).toEqual([undefined, undefined, undefined, 0, undefined, undefined, 5, undefined, 7])
    expect(holdersOf(undefined, said.rules)(said.rules[3]!)).toBeUndefined()
  })
})

const standing: StandingCuts = {
  measure: '净消费',
  date: '2026-10-01',
  file: 'cuts.yaml',
  line: 2,
  points: [
    { point: 'p5', value: '3', read_by: [] },
    { point: 'p80', value: '880.5', read_by: ['高价值'] },
  ],
}

describe('cut points', () => {
  it('are asked for as people write percentages', () => {
    expect(parsePoints('80, 20，50、p50 95%')).toEqual([20, 50, 80, 95])
    for (const bad of ['', ' , ', '0', '100', '12.5', 'many', '-3']) expect(parsePoints(bad), bad).toBeNull()
    expect(pointsText(standing)).toBe('5, 80')
    expect(pointsText(undefined)).toBe(USUAL_POINTS)
    expect(parsePoints(USUAL_POINTS)).toEqual([20, 50, 80])
  })
  it('are shown beside those that stand', () => {
    const taken = { measure: '净消费', points: [{ point: 'p20', value: '9' }, { point: 'p80', value: '901' }] } as unknown as TakenCuts
    expect(compareCuts(standing, taken)).toEqual([
      { point: 'p5', was: '3' },
      { point: 'p20', now: '9' },
      { point: 'p80', was: '880.5', now: '901' },
    ])
    expect(compareCuts(undefined, taken).map((c) => c.was)).toEqual([undefined, undefined])
  })
  it('keep those that rules compare with', () => {
    expect(missingPoints(standing, [5, 20])).toEqual(['p80'])
    expect(missingPoints(standing, [80])).toEqual([])
    expect(missingPoints(undefined, [20])).toEqual([])
  })
})
