import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { en } from './en'
import { zh } from './zh'

const keys = Object.keys(zh) as (keyof typeof zh)[]
const holes = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort()

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return /\.tsx?$/.test(entry.name) && !entry.name.includes('.test.') ? [path] : []
  })
}

const root = join(import.meta.dirname, '..')
const code = sources(root)
  .filter((path) => !/i18n\/(rules\.)?(zh|en)\.ts$/.test(path))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }))

describe('texts', () => {
  it('has the same keys and the same holes in both languages', () => {
    expect(Object.keys(en).sort()).toEqual([...keys].sort())
    for (const key of keys) expect(holes(en[key]), key).toEqual(holes(zh[key]))
  })

  it('has no empty text and no Chinese among the English', () => {
    for (const key of keys) {
      expect(zh[key].trim(), key).not.toBe('')
      expect(en[key].trim(), key).not.toBe('')
      expect(en[key], key).not.toMatch(/\p{Script=Han}/u)
    }
  })

  it('knows every key that the pages ask for', () => {
    const known = new Set<string>(keys)
    let asked = 0
    for (const { path, text } of code) {
      for (const match of text.matchAll(/\bt\(\s*'([^']+)'/g)) {
        asked++
        expect(known.has(match[1]!), `${path}: ${match[1]}`).toBe(true)
      }
    }
    expect(asked).toBeGreaterThan(100)
  })

  it('has no text that no page uses', () => {
    const all = code.map((c) => c.text).join('\n')
    // Keys built from data, as in t(`nav.${page}`), are used by their prefix.
    const prefixes = new Set([...all.matchAll(/`([a-z]+(?:\.[a-z]+)*\.)\$\{/g)].map((m) => m[1]!))
    const unused = keys.filter((key) => !all.includes(`'${key}'`) && ![...prefixes].some((p) => key.startsWith(p)))
    expect(unused).toEqual([])
  })

  it('leaves no text of its own in the components', () => {
    for (const { path, text } of code) {
      if (/i18n\/names\.ts$|text\/format\.ts$/.test(path)) continue
      const lines = text.split('\n').filter((line) => /\p{Script=Han}/u.test(line) && !/中文/.test(line))
      expect(lines, path).toEqual([])
    }
  })
})
