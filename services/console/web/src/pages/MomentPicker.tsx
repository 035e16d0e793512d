import { Button } from 'antd'
import { useState } from 'react'
import { useWords } from '../i18n'
import { formatTime } from '../text/format'

interface MomentPickerProps {
  at: string | null
  onAt: (at: string | null) => void
}

// Chooses the past moment as of which a customer is shown; null is now.
export function MomentPicker({ at, onAt }: MomentPickerProps) {
  const { t, lang } = useWords()
  const [typed, setTyped] = useState('')
  const choose = (text: string) => {
    setTyped(text)
    const moment = new Date(text)
    if (!Number.isNaN(moment.getTime()) && moment.getTime() <= Date.now()) onAt(moment.toISOString())
  }
  const back = () => {
    setTyped('')
    onAt(null)
  }
  return (
    <div className="moment">
      <label>
        <span className="muted small">{t('profile.moment')}</span>
        <input type="datetime-local" value={typed} onChange={(e) => choose(e.target.value)} />
      </label>
      {at && (
        <>
          <span className="warn small">{t('profile.momentShown', { time: formatTime(at, lang) })}</span>
          <Button size="small" onClick={back}>
            {t('profile.momentNow')}
          </Button>
        </>
      )}
    </div>
  )
}
