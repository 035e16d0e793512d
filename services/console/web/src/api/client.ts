import type { Problem } from './types'

// ApiError keeps the status and the server's problem+json, so that a page can say what to do about it.
export class ApiError extends Error {
  readonly status: number
  readonly problem: Problem
  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`)
    this.name = 'ApiError'
    this.status = status
    this.problem = problem
  }
}

// Status 0 stands for "no answer": the server is away or the network is cut.
export const OFFLINE = 0

type Listener = () => void
const unauthorised = new Set<Listener>()

// The session provider listens here: any 401 outside the login form ends the session in the page too.
export function onUnauthorised(listener: Listener): () => void {
  unauthorised.add(listener)
  return () => unauthorised.delete(listener)
}

export function reportUnauthorised(): void {
  for (const listener of unauthorised) listener()
}

export interface CallOptions {
  method?: string
  json?: unknown
  text?: { body: string; type: string }
  accept?: string
  ifMatch?: string
  signal?: AbortSignal
  quiet401?: boolean
}

export async function call(path: string, options: CallOptions = {}): Promise<Response> {
  const headers = new Headers({ Accept: options.accept ?? 'application/json' })
  let body: string | undefined
  if (options.json !== undefined) {
    headers.set('Content-Type', 'application/json')
    body = JSON.stringify(options.json)
  } else if (options.text) {
    headers.set('Content-Type', options.text.type)
    body = options.text.body
  }
  if (options.ifMatch) headers.set('If-Match', options.ifMatch)
  const response = await send(path, { method: options.method ?? 'GET', headers, body, signal: options.signal })
  if (response.ok) return response
  if (response.status === 401 && !options.quiet401) reportUnauthorised()
  throw new ApiError(response.status, await readProblem(response))
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, credentials: 'same-origin', cache: 'no-store' })
  } catch (cause) {
    if (init.signal?.aborted) throw cause
    throw new ApiError(OFFLINE, { title: 'no answer' })
  }
}

async function readProblem(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => '')
  try {
    const parsed: unknown = JSON.parse(text)
    if (parsed && typeof parsed === 'object') return parsed as Problem
  } catch {
    // A proxy in between may answer in plain text or HTML; its first line is all that helps.
  }
  return { status: response.status, title: text.split('\n')[0]?.slice(0, 200) || response.statusText }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await call(path, { signal })).json()) as T
}

export async function sendJson<T>(method: string, path: string, json: unknown, ifMatch?: string): Promise<T | null> {
  const response = await call(path, { method, json, ifMatch })
  const text = await response.text()
  return text ? (JSON.parse(text) as T) : null
}

// An entity tag as the page shows it: without quotes and the weak mark.
export function plainEtag(value: string | null): string {
  return (value ?? '').replace(/^W\//, '').replace(/^"|"$/g, '')
}
