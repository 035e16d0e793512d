import { useEffect, useState } from 'react'
import { useWords } from '../i18n'
import { formatClock, formatTime, pastTime } from '../text/format'
import { freshness } from '../live/board'
import { useClock } from './ClockProvider'

// One ticking clock, by the server's time, per component that shows "3 minutes ago".
export function useNow(everyMs: number): number {
  const { skew } = useClock()
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now + skew
}

// How long ago something happened.
export function Ago({ time, now }: { time: string | undefined | null; now: number }) {
  const { lang } = useWords()
  if (!time) return <span>—</span>
  return (
    <time dateTime={time} title={formatTime(time, lang)}>
      {pastTime(time, now, lang)}
    </time>
  )
}

export function FreshDot({ asOf }: { asOf: string | null | undefined }) {
  const { t } = useWords()
  const now = useNow(1_000)
  const state = freshness(asOf, now)
  return (
    <span className={`fresh fresh-${state}`} role="status" aria-live="off">
      <i aria-hidden="true" />
      {t(`fresh.${state}`, { time: asOf ? formatClock(asOf) : '' })}
    </span>
  )
}
