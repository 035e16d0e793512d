import { describe, expect, it } from 'vitest'
import { backoff, runStream, SseParser, type SseMessage, type StreamState } from './sse'

const text = 'retry: 1500\n\nid: 7\nevent: alert\ndata: {"a":1,\ndata: "b":"多少钱"}\n\n: heartbeat\n\nevent: resync\n\ndata: last\r\n\r\n'
const want: SseMessage[] = [
  { event: 'alert', data: '{"a":1,\n"b":"多少钱"}', id: '7' },
  { event: 'resync', data: '', id: '7' },
  { event: 'message', data: 'last', id: '7' },
]

describe('SseParser', () => {
  it('reads messages, named events without data, comments and retry', () => {
    const parser = new SseParser()
    expect(parser.push(text)).toEqual(want)
    expect(parser.retry).toBe(1500)
    expect(parser.lastId).toBe('7')
  })

  it('gives the same wherever the text is cut', () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = new SseParser()
      const got = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]
      expect(got, `cut at ${cut}`).toEqual(want)
    }
    const parser = new SseParser()
    expect([...text].flatMap((c) => parser.push(c))).toEqual(want)
  })

  it('takes CR, LF and CRLF and a byte order mark', () => {
    const parser = new SseParser()
    expect(parser.push('\ufeffdata: a\r\rdata: b\n\ndata:c\r\n\r\n').map((m) => m.data)).toEqual(['a', 'b', 'c'])
  })

  it('does not count an id before its event is whole', () => {
    const parser = new SseParser()
    parser.push('id: 1\ndata: a\n\nid: 2\ndata: b\n')
    expect(parser.lastId).toBe('1')
    parser.push('\n')
    expect(parser.lastId).toBe('2')
  })

  it('ignores what it does not know', () => {
    const parser = new SseParser()
    expect(parser.push('what: x\nretry: soon\nid: a\0b\ndata\n\n')).toEqual([{ event: 'message', data: '', id: '' }])
    expect(parser.retry).toBeUndefined()
  })
})

describe('backoff', () => {
  it('doubles, is capped, and is spread by half', () => {
    expect(backoff(0, 500, 1)).toBe(500)
    expect(backoff(0, 500, 0)).toBe(250)
    expect(backoff(3, 500, 1)).toBe(4000)
    expect(backoff(99, 500, 1)).toBe(20_000)
  })
})

function answer(body: string, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(status === 204 ? null : body, { status, headers })
}

interface Run {
  states: StreamState[]
  messages: string[]
  lastIds: (string | null)[]
  denied: number[]
}

// Plays the answers one after the other; the last one is repeated until the stream is stopped.
async function play(answers: (() => Response)[], stopAfter: number): Promise<Run> {
  const run: Run = { states: [], messages: [], lastIds: [], denied: [] }
  const stop = new AbortController()
  let asked = 0
  await runStream({
    url: '/stream',
    signal: stop.signal,
    random: () => 0,
    onState: (s) => run.states.push(s),
    onDenied: (status) => run.denied.push(status),
    onMessage: (m) => run.messages.push(m.data),
    fetcher: (_url, init) => {
      run.lastIds.push(new Headers(init?.headers).get('Last-Event-ID'))
      const next = answers[Math.min(asked++, answers.length - 1)]!
      if (asked >= stopAfter) stop.abort()
      return Promise.resolve(next())
    },
  })
  return run
}

describe('runStream', () => {
  it('comes back after an end and says where it was', async () => {
    const run = await play([() => answer('retry: 1\nid: 41\ndata: a\n\n'), () => answer('data: b\n\n'), () => answer('')], 3)
    expect(run.messages).toEqual(['a', 'b'])
    expect(run.lastIds).toEqual([null, '41', '41'])
    expect(run.states.slice(0, 4)).toEqual(['connecting', 'open', 'waiting', 'connecting'])
    expect(run.states.at(-1)).toBe('closed')
  })

  it('stops for good when it is refused', async () => {
    const run = await play([() => answer('', 401)], 5)
    expect(run.lastIds).toHaveLength(1)
    expect(run.denied).toEqual([401])
    expect(run.states.at(-1)).toBe('denied')
  })

  it('tries again while the server is busy or away', async () => {
    const busy = () => answer('', 503)
    const away = () => {
      throw new TypeError('network')
    }
    const run = await play([() => answer('retry: 1\ndata: x\n\n'), busy, away, () => answer('data: back\n\n'), () => answer('')], 5)
    expect(run.messages).toEqual(['x', 'back'])
    expect(run.denied).toEqual([])
  })

  it('gives up a connection that has gone silent', async () => {
    const stop = new AbortController()
    const states: StreamState[] = []
    let asked = 0
    await runStream({
      url: '/stream',
      signal: stop.signal,
      silenceMs: 5,
      random: () => 0,
      onState: (s) => states.push(s),
      onMessage: () => undefined,
      fetcher: (_url, init) => {
        asked++
        if (asked === 2) {
          stop.abort()
          return Promise.reject(new Error('aborted'))
        }
        const body = new ReadableStream<Uint8Array>({
          start: (c) => init!.signal!.addEventListener('abort', () => c.error(new Error('aborted'))),
        })
        return Promise.resolve(new Response(body, { status: 200 }))
      },
    })
    expect(asked).toBe(2)
    expect(states).toContain('waiting')
  })
})
