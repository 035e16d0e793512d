export interface SseMessage {
  event: string
  data: string
  id: string
}

// SseParser reads an event stream piece by piece, wherever the network cuts it.
// Unlike the browser's EventSource it also hands out a named event without data: `resync` is one.
export class SseParser {
  retry: number | undefined
  lastId = ''
  private rest = ''
  private started = false
  private event = ''
  private pendingId: string | undefined
  private data: string[] = []

  push(chunk: string): SseMessage[] {
    const out: SseMessage[] = []
    let text = this.rest + chunk
    if (!this.started && text.length > 0) {
      this.started = true
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
    }
    let from = 0
    for (;;) {
      const end = lineEnd(text, from)
      if (end === null) break
      this.line(text.slice(from, end.at), out)
      from = end.next
    }
    this.rest = text.slice(from)
    return out
  }

  private line(line: string, out: SseMessage[]): void {
    if (line === '') {
      this.flush(out)
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    let value = colon < 0 ? '' : line.slice(colon + 1)
    if (value.startsWith(' ')) value = value.slice(1)
    if (field === 'data') this.data.push(value)
    else if (field === 'event') this.event = value
    else if (field === 'id' && !value.includes('\0')) this.pendingId = value
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value)
  }

  // The id counts only once its event is whole: a resume must repeat an event that was cut in half.
  private flush(out: SseMessage[]): void {
    if (this.pendingId !== undefined) this.lastId = this.pendingId
    this.pendingId = undefined
    if (this.data.length > 0 || this.event !== '') {
      out.push({ event: this.event || 'message', data: this.data.join('\n'), id: this.lastId })
    }
    this.event = ''
    this.data = []
  }
}

// A CR at the very end of a piece may be the first half of CRLF, so it waits for the next piece.
function lineEnd(text: string, from: number): { at: number; next: number } | null {
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 10) return { at: i, next: i + 1 }
    if (c !== 13) continue
    if (i + 1 === text.length) return null
    return { at: i, next: text.charCodeAt(i + 1) === 10 ? i + 2 : i + 1 }
  }
  return null
}

export type StreamState = 'connecting' | 'open' | 'waiting' | 'denied' | 'closed'

export interface StreamOptions {
  url: string
  signal: AbortSignal
  onMessage: (message: SseMessage) => void
  onState: (state: StreamState) => void
  onDenied?: (status: number) => void
  onOpen?: (response: Response) => void
  silenceMs?: number
  fetcher?: typeof fetch
  random?: () => number
}

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 20_000
const SILENCE_MS = 60_000

// The wait doubles with every failure in a row and is spread by half, so that a restarted server
// is not met by all pages in the same instant.
export function backoff(failures: number, base: number, random: number): number {
  const full = Math.min(LONGEST_WAIT_MS, base * 2 ** Math.min(failures, 10))
  return Math.round(full * (0.5 + random / 2))
}

// runStream keeps one event stream open until the signal aborts or the server refuses it for good.
export async function runStream(options: StreamOptions): Promise<void> {
  const { signal, onState } = options
  let parser = new SseParser()
  let failures = 0
  while (!signal.aborted) {
    onState('connecting')
    const seen = { lastId: parser.lastId, retry: parser.retry }
    parser = new SseParser()
    parser.lastId = seen.lastId
    parser.retry = seen.retry
    const outcome = await readOnce(options, parser)
    if (signal.aborted) break
    if (outcome.denied) {
      onState('denied')
      options.onDenied?.(outcome.denied)
      return
    }
    failures = outcome.gotBytes ? 0 : failures + 1
    onState('waiting')
    const wait = outcome.retryAfterMs ?? backoff(failures, parser.retry ?? FIRST_WAIT_MS, (options.random ?? Math.random)())
    await pause(wait, signal)
  }
  onState('closed')
}

interface Outcome {
  gotBytes: boolean
  denied?: number
  retryAfterMs?: number
}

async function readOnce(options: StreamOptions, parser: SseParser): Promise<Outcome> {
  const attempt = new AbortController()
  const stop = () => attempt.abort()
  options.signal.addEventListener('abort', stop)
  // Heartbeats come every few seconds, so a long silence means a dead connection that TCP has not noticed.
  let watchdog = setTimeout(stop, options.silenceMs ?? SILENCE_MS)
  const outcome: Outcome = { gotBytes: false }
  try {
    const headers: Record<string, string> = { Accept: 'text/event-stream' }
    if (parser.lastId) headers['Last-Event-ID'] = parser.lastId
    const get = options.fetcher ?? fetch
    const response = await get(options.url, { headers, credentials: 'same-origin', cache: 'no-store', signal: attempt.signal })
    if (!response.ok || !response.body) return refusal(response)
    options.onOpen?.(response)
    options.onState('open')
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return outcome
      outcome.gotBytes = true
      clearTimeout(watchdog)
      watchdog = setTimeout(stop, options.silenceMs ?? SILENCE_MS)
      for (const message of parser.push(value)) options.onMessage(message)
    }
  } catch {
    return outcome
  } finally {
    clearTimeout(watchdog)
    options.signal.removeEventListener('abort', stop)
    attempt.abort()
  }
}

function refusal(response: Response): Outcome {
  const { status } = response
  const forGood = status === 204 || (status >= 400 && status < 500 && status !== 408 && status !== 429)
  if (forGood) return { gotBytes: false, denied: status }
  const seconds = Number(response.headers.get('Retry-After'))
  return { gotBytes: false, retryAfterMs: seconds > 0 ? Math.min(seconds, 60) * 1000 : undefined }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
