import { Button } from 'antd'
import { Component, type ReactNode } from 'react'
import { useWords } from '../i18n'

export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  override render() {
    if (this.state.error) return <Broken error={this.state.error} />
    return this.props.children
  }
}

function Broken({ error }: { error: Error }) {
  const { t } = useWords()
  return (
    <div className="nothing" role="alert">
      <p>{t('error.page')}</p>
      <code>{error.message}</code>
      <Button type="primary" onClick={() => location.reload()}>
        {t('common.reload')}
      </Button>
    </div>
  )
}
