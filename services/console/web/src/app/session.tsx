import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { useQueryClient } from '@tanstack/react-query'
import { ApiError, call, onUnauthorised } from '../api/client'
import type { Session } from '../api/types'

const PATH = '/api/v1/session'
// The cookie is httpOnly, so the page cannot see it. This mark says that a login took place,
// which spares a first visitor a refused request.
const MARK = 'tagwire.session'

type Phase = 'checking' | 'out' | 'in' | 'unreachable'

interface SessionState {
  phase: Phase
  session: Session | null
  ended: boolean
  login: (token: string) => Promise<void>
  logout: () => Promise<void>
  check: () => void
}

const SessionContext = createContext<SessionState | null>(null)

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const [phase, setPhase] = useState<Phase>(() => (localStorage.getItem(MARK) ? 'checking' : 'out'))
  const [session, setSession] = useState<Session | null>(null)
  const [ended, setEnded] = useState(false)

  const enter = useCallback((next: Session) => {
    localStorage.setItem(MARK, '1')
    setSession(next)
    setEnded(false)
    setPhase('in')
  }, [])
  const leave = useCallback(
    (wasEnded: boolean) => {
      localStorage.removeItem(MARK)
      client.clear()
      setSession(null)
      setEnded(wasEnded)
      setPhase('out')
    },
    [client],
  )
  const check = useCallback(() => {
    setPhase('checking')
    readSession().then(
      (found) => (found ? enter(found) : leave(true)),
      () => setPhase('unreachable'),
    )
  }, [enter, leave])

  useEffect(() => {
    if (localStorage.getItem(MARK)) check()
  }, [check])
  useEffect(() => onUnauthorised(() => leave(true)), [leave])

  const value = useMemo<SessionState>(
    () => ({
      phase,
      session,
      ended,
      check,
      login: async (token) => {
        await call(PATH, { method: 'POST', json: { token }, quiet401: true })
        enter((await readSession()) ?? { role: 'admin', name: '' })
      },
      logout: async () => {
        await call(PATH, { method: 'DELETE', quiet401: true }).catch(() => undefined)
        leave(false)
      },
    }),
    [phase, session, ended, check, enter, leave],
  )
  return <SessionContext.Provider value={value}>{children}</SessionContext.Provider>
}

// null means logged out; any other trouble is thrown, for a server that is away has not ended the session.
async function readSession(): Promise<Session | null> {
  try {
    const found = (await (await call(PATH, { quiet401: true })).json()) as Session
    return found.role ? found : null
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null
    throw error
  }
}

export function useSession(): SessionState {
  const state = useContext(SessionContext)
  if (!state) throw new Error('useSession outside SessionProvider')
  return state
}
