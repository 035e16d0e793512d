// Development only: serves the built page and answers its API with made-up data.
//   npm run build && npm run mock      then open http://127.0.0.1:5199 and log in with the token "dev".
// MOCK_QUIET=1 stops the random movement, for pictures that do not change.
import { createServer } from 'node:http'
import { existsSync, readFileSync } from 'node:fs'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as data from './data.mjs'

const PORT = Number(process.env.PORT ?? 5199)
const DIST = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'dist')
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
const KINDS = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8' }

const alerts = Array.from({ length: 14 }, (_, i) => data.makeAlert(i * 340_000 + 20_000))
alerts[3].state = 'claimed'
alerts[6].state = 'acked'
alerts[7].severity = 'critical'
let rules = data.RULES
let version = 7
const streams = { tags: new Set(), alerts: new Set(), events: new Set() }

function tell(name, value) {
  for (const res of streams[name]) res.write(`data: ${JSON.stringify(typeof value === 'function' ? value(res.by) : value)}\n\n`)
}

if (!process.env.MOCK_QUIET) {
  setInterval(() => {
    data.nudge()
    tell('tags', data.board)
  }, 500)
  setInterval(() => tell('events', data.makeEvent()), 400)
  setInterval(() => {
    alerts.unshift(data.makeAlert())
    tell('alerts', alerts[0])
  }, 9_000)
}
setInterval(() => Object.values(streams).forEach((set) => set.forEach((res) => res.write(': heartbeat\n\n'))), 10_000)

function json(res, code, value, headers = {}) {
  res.writeHead(code, { 'Content-Type': code >= 400 ? 'application/problem+json' : 'application/json', ...headers })
  res.end(value === undefined ? '' : JSON.stringify(value))
}

function stream(res, name, first) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  res.write('retry: 1000\n\n')
  for (const one of first) res.write(`data: ${JSON.stringify(one)}\n\n`)
  streams[name].add(res)
  res.on('close', () => streams[name].delete(res))
}

function act(res, [, , id, action], body) {
  const alert = alerts.find((a) => a.alert_id === id)
  if (!alert) return json(res, 404, { title: 'unknown alert' })
  alert.state = { claim: 'claimed', ack: 'acked', snooze: 'snoozed', dismiss: 'dismissed' }[action] ?? alert.state
  console.log(action, id, body)
  tell('alerts', alert)
  return json(res, 200, alert)
}

function putRules(res, body) {
  const line = body.split('\n').findIndex((l) => l.includes('：') || l.includes('≥')) + 1
  if (line > 0) {
    const column = Array.from(body.split('\n')[line - 1]).findIndex((c) => c === '：' || c === '≥') + 1
    return json(res, 422, { title: 'rules', errors: [{ file: 'rules.yaml', line, column, message: '全角符号，请改为半角 : 或 >=' }] })
  }
  rules = body
  return json(res, 200, { version: ++version })
}

function defs(req, res, [, , kind, id], body) {
  const list = (data.definitions[kind] ??= [])
  if (!id) return json(res, 200, { items: list })
  const at = list.findIndex((d) => d.id === id)
  const match = req.headers['if-match']
  if (req.method === 'DELETE') list.splice(at, 1)
  else if (at < 0) list.push({ id, version: 1, body: JSON.parse(body), author: 'admin', time: new Date().toISOString() })
  else if (!match || match !== String(list[at].version)) return json(res, 409, { title: 'conflict' })
  else list[at] = { ...list[at], version: list[at].version + 1, body: JSON.parse(body), time: new Date().toISOString() }
  return json(res, at < 0 ? 201 : 200, { version: list.find((d) => d.id === id)?.version })
}

function session(req, res, body) {
  if (req.method === 'DELETE') return json(res, 204, undefined, { 'Set-Cookie': 's=; Path=/; Max-Age=0' })
  if (req.method === 'GET') return /s=dev/.test(req.headers.cookie ?? '') ? json(res, 200, { role: 'admin', name: '管理员' }) : json(res, 401, {})
  if (JSON.parse(body).token !== 'dev') return json(res, 401, { title: 'wrong token' })
  return json(res, 200, { role: 'admin', name: '管理员' }, { 'Set-Cookie': 's=dev; Path=/; HttpOnly; SameSite=Strict' })
}

function api(req, res, url, body) {
  const parts = url.pathname.slice('/api/'.length).split('/').map(decodeURIComponent)
  const [, what, a, b] = parts
  if (what === 'session') return session(req, res, body)
  if (!/s=dev/.test(req.headers.cookie ?? '')) return json(res, 401, { title: 'login' })
  const by = url.searchParams.get('by')
  if (what === 'tags' && a === 'stream') return stream(Object.assign(res, { by }), 'tags', [data.board(by)])
  if (what === 'tags' && b === 'members') return json(res, 200, { members: [{ profile_id: 'p_01j7001k3qz', name: '李强', since: new Date(Date.now() - 9e6).toISOString() }] })
  if (what === 'tags' && b === 'changes') return json(res, 200, data.tagChanges())
  if (what === 'tags') return json(res, 200, data.board(by))
  if (what === 'alerts' && a === 'stream') return stream(res, 'alerts', [])
  if (what === 'alerts' && a) return act(res, parts, body)
  if (what === 'alerts') return json(res, 200, { alerts })
  if (what === 'events') return stream(res, 'events', Array.from({ length: 30 }, data.makeEvent))
  if (what === 'profiles' && a === 'user_id:nobody') return json(res, 404, { title: 'Not Found', code: 'not_found', detail: '没有这个客户 / there is no such customer' })
  if (what === 'profiles' && b === 'timeline') return json(res, 200, data.timeline())
  if (what === 'profiles' && b === 'explain') return json(res, 200, data.explanation(url.searchParams.get('tag')))
  if (what === 'profiles') return json(res, 200, data.profile(a))
  if (what === 'rules' && a === 'explain') return json(res, 200, { ...data.said, version: req.method === 'GET' ? version : undefined })
  if (what === 'rules' && a === 'cuts') return req.method === 'PUT' ? json(res, 200, { version: ++version }) : json(res, 200, data.takeCuts(url.searchParams))
  if (what === 'rules' && req.method === 'PUT') return putRules(res, body)
  if (what === 'rules') return res.writeHead(200, { 'Content-Type': 'application/yaml', ETag: `"${version}"` }).end(rules)
  if (what === 'defs') return defs(req, res, parts, body)
  if (what === 'status') return json(res, 200, { ...data.status, streams: { as_of: new Date().toISOString() } })
  return json(res, 404, { title: 'not found' })
}

function page(res, pathname) {
  const wanted = normalize(join(DIST, pathname))
  const file = wanted.startsWith(DIST) && extname(wanted) && existsSync(wanted) ? wanted : join(DIST, 'index.html')
  res.writeHead(200, { 'Content-Type': KINDS[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP })
  res.end(readFileSync(file))
}

createServer((req, res) => {
  const url = new URL(req.url, 'http://mock')
  let body = ''
  req.on('data', (piece) => (body += piece))
  req.on('end', () => (url.pathname.startsWith('/api/') ? api(req, res, url, body) : page(res, url.pathname)))
}).listen(PORT, '127.0.0.1', () => console.log(`mock console on http://127.0.0.1:${PORT}, token "dev"`))
