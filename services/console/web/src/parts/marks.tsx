import type { ReactNode } from 'react'
import type { StreamState } from '../api/sse'
import { useWords, type TextKey } from '../i18n'
import { zh } from '../i18n/zh'

const SEVERITIES = ['critical', 'high', 'medium', 'low']

// The word always stands beside the colour, so the level never hangs on colour alone.
export function SeverityMark({ severity }: { severity: string }) {
  const { maybe, t } = useWords()
  const known = SEVERITIES.includes(severity) ? severity : 'medium'
  const word = maybe(`severity.${severity}`) ?? severity
  return (
    <span className={`severity severity-${known}`} title={t('severity.label', { severity: word })}>
      {word}
    </span>
  )
}

export function StateMark({ state }: { state: string }) {
  const { maybe } = useWords()
  return <span className={`state state-${state}`}>{maybe(`state.${state}`) ?? state}</span>
}

export function StreamMark({ state }: { state: StreamState }) {
  const { t } = useWords()
  const key: TextKey = `stream.${state}` in zh ? (`stream.${state}` as TextKey) : 'stream.closed'
  return (
    <span className={`stream stream-${state}`} role="status">
      <i aria-hidden="true" />
      {t(key)}
    </span>
  )
}

type ChipTone = 'plain' | 'add' | 'remove' | 'alert'

export function Chip({ tone = 'plain', title, children }: { tone?: ChipTone; title?: string; children: ReactNode }) {
  return (
    <span className={`chip chip-${tone}`} title={title}>
      {children}
    </span>
  )
}
