import { describe, expect, it } from 'vitest'
import { inLanguage } from './bilingual'
import { formatCount, formatDecimal, formatMeasure, formatSpan, formatTime, matchedWords, pastTime, relativeTime, splitIdentity, traitText } from './format'
import { identityText } from './identity'

describe('numbers', () => {
  it('groups digits and never rounds money', () => {
    expect(formatCount(1234567, 'zh')).toBe('1,234,567')
    expect(formatDecimal('12345678901234567.89')).toBe('12,345,678,901,234,567.89')
    expect(formatDecimal('-1000.10')).toBe('-1,000.10')
    expect(formatDecimal('0.1234567')).toBe('0.1234567')
    expect(formatDecimal('≥1000')).toBe('≥1000')
  })

  it('shows each shape of a measure', () => {
    expect(formatMeasure(['大疆', '极飞'], 'zh')).toBe('大疆、极飞')
    expect(formatMeasure(['a', 'b'], 'en')).toBe('a, b')
    expect(formatMeasure([], 'zh')).toBe('—')
    expect(formatMeasure(null, 'zh')).toBe('—')
    expect(formatMeasure(undefined, 'en')).toBe('—')
    expect(formatMeasure(64.256, 'en')).toBe('64.26')
    expect(formatMeasure('2500315.63', 'zh')).toBe('2,500,315.63')
    expect(formatMeasure(true, 'zh')).toBe('✓')
    expect(formatMeasure('2026-11-28T00:41:14.675Z', 'zh')).toBe(formatTime('2026-11-28T00:41:14.675Z', 'zh'))
  })
})

describe('relativeTime', () => {
  const now = Date.parse('2026-03-01T08:00:00Z')
  const at = (ms: number) => new Date(now + ms).toISOString()
  it('speaks both languages', () => {
    expect(relativeTime(at(-500), now, 'zh')).toBe('刚刚')
    expect(relativeTime(at(-180_000), now, 'zh')).toBe('3分钟前')
    expect(relativeTime(at(-180_000), now, 'en')).toBe('3 minutes ago')
    expect(relativeTime(at(7_200_000), now, 'en')).toBe('in 2 hours')
    expect(relativeTime(at(-1_600), now, 'en')).toBe('2 seconds ago')
  })
  it('gives a date for what is long ago and a dash for nothing', () => {
    expect(relativeTime('2025-01-05T04:00:00Z', now, 'zh')).toContain('2025年1月5日')
    expect(relativeTime(undefined, now, 'zh')).toBe('—')
    expect(relativeTime('never', now, 'en')).toBe('—')
  })
})

describe('pastTime', () => {
  const now = Date.parse('2026-03-01T08:00:00Z')
  it('never puts what has happened into the future while clocks differ a little', () => {
    expect(pastTime('2026-03-01T08:00:04Z', now, 'zh')).toBe('刚刚')
    expect(pastTime('2026-03-01T07:57:00Z', now, 'zh')).toBe('3分钟前')
    expect(pastTime('2026-03-01T10:00:00Z', now, 'en')).toBe('in 2 hours')
    expect(pastTime(undefined, now, 'en')).toBe('—')
  })
})

describe('formatSpan', () => {
  it('says spans of rules in words and leaves others alone', () => {
    expect(formatSpan('180d', 'zh')).toBe('180天')
    expect(formatSpan('1h30m', 'en')).toBe('1 hour 30 minutes')
    expect(formatSpan('for good', 'en')).toBe('for good')
  })
})

describe('identities', () => {
  it('names the kind and shortens hashes only', () => {
    expect(identityText('phone:cf08169067b83e95eeb8a8a7fc59421d', 'zh')).toBe('手机号：cf08…421d')
    expect(identityText('wecom.ww1:wmAbc', 'en')).toBe('WeCom ww1: wmAbc')
    expect(identityText('crm:7', 'zh')).toBe('crm：7')
  })
})

describe('inLanguage', () => {
  it('takes its half of a text in two languages and leaves others alone', () => {
    expect(inLanguage('没有这个客户 / there is no such customer', 'zh')).toBe('没有这个客户')
    expect(inLanguage('没有这个客户 / there is no such customer', 'en')).toBe('there is no such customer')
    expect(inLanguage('a / b', 'zh')).toBe('a / b')
    expect(inLanguage(undefined, 'en')).toBe('')
  })
  it('parts a text in the middle when a name in it has the sign too', () => {
    const text = '不认识的名字 "买 / 卖" / unknown name "买 / 卖"'
    expect(inLanguage(text, 'zh')).toBe('不认识的名字 "买 / 卖"')
    expect(inLanguage(text, 'en')).toBe('unknown name "买 / 卖"')
    expect(inLanguage('没有 / none: a / b', 'en')).toBe('none: a / b')
  })
})

describe('wire shapes', () => {
  it('reads identities, traits and matches in each form', () => {
    expect(splitIdentity('wecom.corp1:wm:1')).toEqual({ namespace: 'wecom.corp1', value: 'wm:1' })
    expect(splitIdentity('p1')).toEqual({ namespace: '', value: 'p1' })
    expect(splitIdentity({ namespace: 'phone', value: '138' })).toEqual({ namespace: 'phone', value: '138' })
    expect(traitText({ value: '杭州', source: 'forms' })).toBe('杭州')
    expect(traitText('')).toBe('—')
    expect(traitText(0)).toBe('0')
    expect(matchedWords(['价格', { keyword: '询价', words: ['多少钱', '价格'] }, { keyword: '投诉' }])).toEqual(['价格', '多少钱', '投诉'])
    expect(matchedWords(undefined)).toEqual([])
  })
})
