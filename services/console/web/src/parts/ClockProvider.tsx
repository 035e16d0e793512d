import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react'
import { skewOf } from './clock'

interface Clock {
  skew: number
  learn: (dateHeader: string | null) => void
}

const ClockContext = createContext<Clock>({ skew: 0, learn: () => undefined })

export function ClockProvider({ children }: { children: ReactNode }) {
  const [skew, setSkew] = useState(0)
  const learn = useCallback((header: string | null) => {
    if (header) setSkew(skewOf(header, Date.now()))
  }, [])
  const clock = useMemo(() => ({ skew, learn }), [skew, learn])
  return <ClockContext.Provider value={clock}>{children}</ClockContext.Provider>
}

export function useClock(): Clock {
  return useContext(ClockContext)
}
