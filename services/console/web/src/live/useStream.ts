import { useEffect, useRef, useState } from 'react'
import { reportUnauthorised } from '../api/client'
import { useClock } from '../parts/ClockProvider'
import { runStream, type SseMessage, type StreamState } from '../api/sse'

// A browser allows six HTTP/1.1 connections per host over all its tabs, so a tab nobody looks at gives its streams back.
const HIDDEN_GRACE_MS = 60_000

export function useTabActive(): boolean {
  const [active, setActive] = useState(true)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const update = () => {
      clearTimeout(timer)
      if (document.visibilityState === 'visible') setActive(true)
      else timer = setTimeout(() => setActive(false), HIDDEN_GRACE_MS)
    }
    update()
    document.addEventListener('visibilitychange', update)
    return () => {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', update)
    }
  }, [])
  return active
}

export interface StreamHandlers<T> {
  // Messages are handed over in bunches, so that a burst costs one render and not hundreds.
  onItems: (items: T[]) => void
  onResync?: () => void
}

export interface StreamSpec {
  url: string
  enabled?: boolean
  everyMs?: number
}

export function useStream<T>(spec: StreamSpec, handlers: StreamHandlers<T>): StreamState {
  const [state, setState] = useState<StreamState>('connecting')
  const latest = useRef(handlers)
  useEffect(() => {
    latest.current = handlers
  })
  const { learn } = useClock()
  const { url, enabled = true, everyMs = 100 } = spec
  useEffect(() => {
    if (!enabled) {
      setState('closed')
      return
    }
    const stop = new AbortController()
    const bunch = new Bunch<T>(everyMs, (items) => latest.current.onItems(items))
    void runStream({
      url,
      signal: stop.signal,
      onState: (next) => !stop.signal.aborted && setState(next),
      onDenied: (status) => status === 401 && reportUnauthorised(),
      onOpen: (response) => learn(response.headers.get('Date')),
      onMessage: (message) => deliver(message, bunch, () => latest.current.onResync?.()),
    })
    return () => {
      stop.abort()
      bunch.drop()
    }
  }, [url, enabled, everyMs, learn])
  return state
}

function deliver<T>(message: SseMessage, bunch: Bunch<T>, resync: () => void): void {
  if (message.event === 'resync') {
    resync()
    return
  }
  if (!message.data) return
  try {
    bunch.add(JSON.parse(message.data) as T)
  } catch {
    // A line that is no JSON says nothing the page could show; the next one may be whole again.
  }
}

class Bunch<T> {
  private items: T[] = []
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly everyMs: number
  private readonly flush: (items: T[]) => void

  constructor(everyMs: number, flush: (items: T[]) => void) {
    this.everyMs = everyMs
    this.flush = flush
  }

  add(item: T): void {
    this.items.push(item)
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      const items = this.items
      this.items = []
      this.flush(items)
    }, this.everyMs)
  }

  drop(): void {
    clearTimeout(this.timer)
    this.items = []
  }
}
