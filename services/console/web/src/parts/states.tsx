import { Alert, Button, Spin } from 'antd'
import type { ReactNode } from 'react'
import { useWords } from '../i18n'
import { useErrorText } from './errors'

export function Loading() {
  const { t } = useWords()
  return (
    <div className="centre" role="status">
      <Spin />
      <span className="muted">{t('common.loading')}</span>
    </div>
  )
}

export function Trouble({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useWords()
  const text = useErrorText()
  return (
    <Alert
      className="trouble"
      type="warning"
      showIcon
      title={text(error)}
      action={onRetry && <Button onClick={onRetry}>{t('error.retry')}</Button>}
    />
  )
}

export function Nothing({ children }: { children: ReactNode }) {
  return (
    <div className="nothing">
      <svg width="56" height="24" viewBox="0 0 56 24" aria-hidden="true">
        <path d="M0 12h14l4-8 7 16 6-12 3 4h22" fill="none" stroke="currentColor" strokeWidth="1.6" />
      </svg>
      <p>{children}</p>
    </div>
  )
}

interface PanelProps {
  title?: ReactNode
  extra?: ReactNode
  className?: string
  children: ReactNode
}

export function Panel({ title, extra, className, children }: PanelProps) {
  return (
    <section className={`panel ${className ?? ''}`}>
      {(title || extra) && (
        <header className="panel-head">
          {title && <h2>{title}</h2>}
          {extra && <div className="panel-extra">{extra}</div>}
        </header>
      )}
      {children}
    </section>
  )
}

export function PageHead({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <header className="page-head">
      <h1>{title}</h1>
      {children && <div className="page-tools">{children}</div>}
    </header>
  )
}
