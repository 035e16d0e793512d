import { describe, expect, it } from 'vitest'
import { PAGES, parsePath, pathTo } from './routes'

describe('routes', () => {
  it('finds its way back from every address', () => {
    for (const page of PAGES) expect(parsePath(pathTo(page))).toEqual({ page, rest: '' })
    for (const rest of ['p_1', 'phone:138', 'wecom.corp:a/b', '渠道:门店 A', 'a%b', 'x@y.z']) {
      expect(parsePath(pathTo('profiles', rest))).toEqual({ page: 'profiles', rest })
    }
  })

  it('takes an unknown or broken address for something sensible', () => {
    expect(parsePath('/nowhere').page).toBe('overview')
    expect(parsePath('/profiles/%E0%A4%A')).toEqual({ page: 'profiles', rest: '%E0%A4%A' })
  })
})
