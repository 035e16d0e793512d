import { useCallback, useState } from 'react'

const STORED = 'tagwire.pins'

function read(): ReadonlySet<string> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? '[]')
    return new Set(Array.isArray(stored) ? stored.filter((s) => typeof s === 'string') : [])
  } catch {
    return new Set()
  }
}

export function usePins() {
  const [pinned, setPinned] = useState(read)
  const toggle = useCallback((tag: string) => {
    setPinned((old) => {
      const next = new Set(old)
      if (!next.delete(tag)) next.add(tag)
      localStorage.setItem(STORED, JSON.stringify([...next]))
      return next
    })
  }, [])
  return { pinned, toggle }
}
