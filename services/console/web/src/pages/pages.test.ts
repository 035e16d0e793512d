import { describe, expect, it } from 'vitest'
import { stageOption } from '../charts/stageOption'
import { sparkPath } from '../charts/sparkPath'
import { skewOf } from '../parts/clock'
import { branches, namedValues } from '../parts/treeLines'
import { indentSelection, offsetOf } from '../parts/codeText'
import { byDay } from './byDay'
import { contentText, parseDefinition, validId } from './definitionText'
import { findBy } from './findBy'
import { healthRows, partName, shareOf } from './health'
import { reasonLines } from './reasonLines'
import { lineInText } from './ruleFiles'
import { snoozeUntil } from './snooze'

describe('editor text', () => {
  const text = 'a: 1\n  意向：高😀x\nlast'
  it('finds a place by line and column, counting characters', () => {
    expect(offsetOf(text, 1, 1)).toBe(0)
    expect(text.slice(offsetOf(text, 2, 5))).toMatch(/^：/)
    expect(text.slice(offsetOf(text, 2, 8))).toMatch(/^x/)
    expect(offsetOf(text, 2, 99)).toBe(text.indexOf('\nlast'))
    expect(offsetOf(text, 99, 1)).toBe(text.length)
  })
  it('indents and outdents whole lines, and back again', () => {
    const inwards = indentSelection('a\nb\n\nc', 0, 4, false)
    expect(inwards.text).toBe('  a\n  b\n\nc')
    expect(indentSelection(inwards.text, inwards.from, inwards.to, true).text).toBe('a\nb\n\nc')
  })
})

describe('condition tree', () => {
  it('names the values that a line was judged by, and each once', () => {
    const sum = { op: '-', text: 'a - b', value: 3, left: { text: 'a', value: 4 }, right: { text: 'b', value: 1 } }
    expect(namedValues({ op: '>', text: 'a - b > 1', holds: true, left: sum, right: { value: 1 } }).map((v) => `${v.text}=${String(v.value)}`)).toEqual(['a=4', 'b=1', 'a - b=3'])
    expect(namedValues({ op: '>=', text: 'a >= 3', holds: false, left: { text: 'a' }, right: { value: 3 } })).toEqual([{ text: 'a', value: undefined, atLeast: false }])
    expect(namedValues({ op: 'call', text: 'keyword("x")', holds: true })).toEqual([])
    expect(namedValues({ op: '==', text: 'known == true', holds: true, left: { text: 'known', holds: true }, right: { holds: true } })).toEqual([{ text: 'known', value: true, atLeast: false }])
  })
  it('gives lines of their own to what is joined by and, or, not', () => {
    expect(branches({ op: 'or', children: [{ op: 'and' }, { op: '>' }] })).toHaveLength(2)
    expect(branches({ op: 'len', children: [{ op: 'name' }] })).toEqual([])
  })
})

describe('rule files', () => {
  const text = '--- # file: a.yaml\ntags:\n  x: {}\n--- # file: 规则/b.yaml\ntags:\n  y: {}\n'
  it('finds a line of a file in the joined text', () => {
    expect(lineInText(text, { file: 'a.yaml', line: 2, column: 1, message: '' })).toBe(3)
    expect(lineInText(text, { file: '规则/b.yaml', line: 2, column: 1, message: '' })).toBe(6)
    expect(lineInText('tags:\n', { file: 'rules.yaml', line: 1, column: 1, message: '' })).toBe(1)
    expect(lineInText(text, { message: '' })).toBe(1)
  })
})

describe('definition', () => {
  it('takes an object and nothing else', () => {
    expect(parseDefinition('{"name":"门店A"}')).toEqual({ value: { name: '门店A' } })
    expect(parseDefinition('[1]')).toEqual({ error: '' })
    expect(parseDefinition('null')).toEqual({ error: '' })
    expect(parseDefinition('{')).toHaveProperty('error', expect.stringMatching(/JSON|property/))
  })
  it('shows the name once', () => {
    expect(contentText({ name: '西湖店', city: '杭州' })).toBe('{"city":"杭州"}')
    expect(contentText({ name: 7 })).toBe('{"name":7}')
  })
  it('checks ids', () => {
    expect(['ch_7', '门店A', 'a.b-c'].every(validId)).toBe(true)
    expect(['', 'a b', 'a/b', ' '].some(validId)).toBe(false)
  })
})

describe('health', () => {
  it('puts roles on the way of an event and reads parts in each form', () => {
    const { roles, parts } = healthRows({
      roles: { tagger: { ok: false, lag_seconds: 3, detail: 'd' }, other: { ok: true }, collector: { ok: true } },
      parts: { kafka: true, redis: 'timeout', clickhouse: { ok: true, version: '26.7' } },
    })
    expect(roles.map((r) => r.name)).toEqual(['collector', 'tagger', 'other'])
    expect(roles[1]).toEqual({ name: 'tagger', ok: false, lag: 3, detail: 'd' })
    expect(parts).toEqual([
      { name: 'kafka', ok: true },
      { name: 'redis', ok: false, detail: 'timeout' },
      { name: 'clickhouse', ok: true, detail: '26.7' },
    ])
  })
})

describe('shares of work', () => {
  it('reads counts and leaves troubles alone', () => {
    expect(shareOf('8 of 16 partitions')).toEqual({ held: 8, all: 16, unit: 'partitions' })
    expect(shareOf('4 shards')).toEqual({ held: 4, all: undefined, unit: 'shards' })
    expect(shareOf('4 shards are away')).toBeUndefined()
    expect(partName('clickhouse')).toBe('ClickHouse')
  })
})

describe('find', () => {
  it('knows a phone number and an address, and takes all else as it is', () => {
    expect(findBy(' 138 0000-0000 ')).toBe('phone:13800000000')
    expect(findBy('+8613800000000')).toBe('phone:+8613800000000')
    expect(findBy('li@example.com')).toBe('email:li@example.com')
    expect(findBy('wecom.wwcorp:wmAbc')).toBe('wecom.wwcorp:wmAbc')
    expect(findBy('p06h24d2tlk000000000000e0')).toBe('p06h24d2tlk000000000000e0')
  })
})

describe('reason', () => {
  it('flattens what a rule says', () => {
    expect(reasonLines({ when: 'a > 1', keyword: { words: ['多少钱'], dictionary: 3 }, parts: [{ x: 1 }] }, 'zh')).toEqual([
      ['when', 'a > 1'],
      ['keyword.words', '多少钱'],
      ['keyword.dictionary', '3'],
      ['parts.1.x', '1'],
    ])
    expect(reasonLines({ lasts: '7d' }, 'en')).toEqual([['lasts', '7 days']])
    expect(reasonLines(undefined, 'en')).toEqual([])
  })
})

describe('snooze', () => {
  const now = new Date(2026, 11, 31, 23, 50)
  it('counts minutes and knows tomorrow morning', () => {
    expect(snoozeUntil('15m', now).getTime() - now.getTime()).toBe(900_000)
    expect(snoozeUntil('1h', now).getTime() - now.getTime()).toBe(3_600_000)
    expect(snoozeUntil('tomorrow', now)).toEqual(new Date(2027, 0, 1, 9))
  })
})

describe('clock', () => {
  it('learns a wrong clock and ignores what the header cannot tell', () => {
    const now = Date.parse('2026-03-01T08:00:00Z')
    expect(skewOf('Sun, 01 Mar 2026 07:55:00 GMT', now)).toBe(-300_000)
    expect(skewOf('Sun, 01 Mar 2026 08:00:01 GMT', now)).toBe(0)
    expect(skewOf(null, now)).toBe(0)
    expect(skewOf('soon', now)).toBe(0)
  })
})

describe('timeline days', () => {
  it('starts a section when the local day changes', () => {
    const at = (d: number, h: number) => ({ time: new Date(2026, 2, d, h).toISOString() })
    expect(byDay([at(2, 9), at(2, 1), at(1, 23)]).map(([day, list]) => [day, list.length])).toEqual([
      ['2026-3-2', 2],
      ['2026-3-1', 1],
    ])
    expect(byDay([])).toEqual([])
  })
})

describe('charts', () => {
  it('draws a rising series upwards within its box and a flat one in the middle', () => {
    const rising = sparkPath([{ at: 0, count: 1 }, { at: 10, count: 5 }], 100, 30)
    expect(rising?.line).toBe('M3 27L97 3')
    expect(rising?.end).toEqual([97, 3])
    expect(sparkPath([{ at: 0, count: 4 }, { at: 9, count: 4 }], 100, 30)?.line).toBe('M3 15L97 15')
    expect(sparkPath([], 100, 30)).toBeNull()
  })
  it('shows every stage with its count in order', () => {
    const stages = [{ stage: '潜在', count: 3 }, { stage: '新', count: 1 }]
    const option = stageOption({ stages, shape: 'bar', dark: false, lang: 'zh' }) as { series: [{ data: { name: string; value: number }[] }] }
    expect(option.series[0].data.map((d) => [d.name, d.value])).toEqual([['潜在', 3], ['新', 1]])
  })
})
