import { useState, type FormEvent } from 'react'
import { Alert, Button, Input } from 'antd'
import { ApiError } from '../api/client'
import { useWords } from '../i18n'
import { useErrorText } from '../parts/errors'
import { Mark } from '../parts/Mark'
import { Preferences } from './Preferences'
import { useSession } from './session'

export function Login() {
  const { t } = useWords()
  const { login, ended } = useSession()
  const errorText = useErrorText()
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState('')
  const [busy, setBusy] = useState(false)

  const submit = async (e: FormEvent) => {
    e.preventDefault()
    const trimmed = token.trim()
    if (!trimmed) {
      setProblem(t('login.empty'))
      return
    }
    setBusy(true)
    try {
      await login(trimmed)
    } catch (error) {
      const wrong = error instanceof ApiError && (error.status === 401 || error.status === 403)
      setProblem(wrong ? t('login.wrong') : errorText(error))
    } finally {
      setBusy(false)
    }
  }

  return (
    <main className="login">
      <div className="login-wire" aria-hidden="true" />
      <form className="login-card" onSubmit={submit}>
        <Brand />
        <h1>{t('login.title')}</h1>
        {ended && !problem && <Alert type="info" showIcon title={t('login.ended')} />}
        {problem && <Alert type="error" showIcon title={problem} role="alert" />}
        <label htmlFor="token">{t('login.token')}</label>
        <Input.Password
          id="token"
          size="large"
          autoFocus
          autoComplete="current-password"
          value={token}
          onChange={(e) => setToken(e.target.value)}
          aria-describedby="token-hint"
        />
        <p id="token-hint" className="muted small">
          {t('login.hint')}
        </p>
        <Button type="primary" size="large" htmlType="submit" loading={busy} block>
          {t('login.submit')}
        </Button>
        <div className="login-foot">
          <Preferences />
        </div>
      </form>
    </main>
  )
}

function Brand() {
  const { t } = useWords()
  return (
    <div className="login-brand">
      <Mark size={40} />
      <div>
        <strong>{t('app.name')}</strong>
        <span>{t('app.slogan')}</span>
      </div>
    </div>
  )
}
