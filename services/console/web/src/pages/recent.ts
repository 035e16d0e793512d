const STORED = 'tagwire.recent'
const KEEP = 8

// Only profile ids are kept, never what was typed: that may be a phone number. They go with the browser session.
export function readRecent(): string[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(STORED) ?? '[]')
    return Array.isArray(stored) ? stored.filter((s) => typeof s === 'string') : []
  } catch {
    return []
  }
}

export function addRecent(id: string): void {
  const next = [id, ...readRecent().filter((other) => other !== id)].slice(0, KEEP)
  sessionStorage.setItem(STORED, JSON.stringify(next))
}
