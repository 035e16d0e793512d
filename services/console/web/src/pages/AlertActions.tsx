import { App, Button, Dropdown, Input, Modal, Radio } from 'antd'
import { useState } from 'react'
import type { Alert, AlertAction } from '../api/types'
import { useWords, type TextKey } from '../i18n'
import { useInbox } from '../live/InboxProvider'
import { useErrorText } from '../parts/errors'
import { formatTime } from '../text/format'
import { snoozeUntil, type SnoozeChoice } from './snooze'

const SNOOZES: { key: SnoozeChoice; text: TextKey }[] = [
  { key: '15m', text: 'alerts.snooze15' },
  { key: '1h', text: 'alerts.snooze60' },
  { key: 'tomorrow', text: 'alerts.snoozeDay' },
]

type Run = (action: AlertAction, body: Record<string, unknown>, done: string) => Promise<void>

export function AlertActions({ alert }: { alert: Alert }) {
  const { t, lang } = useWords()
  const { act } = useInbox()
  const { message } = App.useApp()
  const errorText = useErrorText()
  const [busy, setBusy] = useState<AlertAction | null>(null)
  const [dismissing, setDismissing] = useState(false)
  if (alert.state !== 'open' && alert.state !== 'claimed' && alert.state !== 'snoozed') return <span />

  const run: Run = async (action, body, done) => {
    setBusy(action)
    try {
      await act(alert, action, body)
      message.success(done)
    } catch (error) {
      message.error(errorText(error))
    } finally {
      setBusy(null)
    }
  }
  const snooze = (choice: SnoozeChoice) => {
    const until = snoozeUntil(choice, new Date()).toISOString()
    return run('snooze', { until }, t('alerts.snoozed', { time: formatTime(until, lang) }))
  }
  const menu = {
    items: SNOOZES.map(({ key, text }) => ({ key, label: t(text) })),
    onClick: ({ key }: { key: string }) => void snooze(key as SnoozeChoice),
  }
  return (
    <div className="alert-actions">
      {alert.state === 'open' && (
        <Button type="primary" loading={busy === 'claim'} onClick={() => void run('claim', {}, t('alerts.claimed'))}>
          {t('alerts.claim')}
        </Button>
      )}
      <Button loading={busy === 'ack'} onClick={() => void run('ack', {}, t('alerts.acked'))}>
        {t('alerts.ack')}
      </Button>
      <Dropdown trigger={['click']} menu={menu}>
        <Button loading={busy === 'snooze'}>{t('alerts.snooze')}</Button>
      </Dropdown>
      <Button type="text" loading={busy === 'dismiss'} onClick={() => setDismissing(true)}>
        {t('alerts.dismiss')}
      </Button>
      <DismissDialog open={dismissing} onClose={() => setDismissing(false)} run={run} />
    </div>
  )
}

const REASONS = ['wrong_moment', 'already_known', 'wrong_person', 'not_interested', 'other'] as const

function DismissDialog({ open, onClose, run }: { open: boolean; onClose: () => void; run: Run }) {
  const { t } = useWords()
  const [reason, setReason] = useState<string>(REASONS[0])
  const [note, setNote] = useState('')
  const confirm = () => {
    onClose()
    void run('dismiss', note.trim() ? { reason, note: note.trim() } : { reason }, t('alerts.dismissed'))
  }
  return (
    <Modal
      open={open}
      title={t('alerts.dismissTitle')}
      okText={t('alerts.dismiss')}
      cancelText={t('common.cancel')}
      onOk={confirm}
      onCancel={onClose}
      destroyOnHidden
    >
      <p className="muted">{t('alerts.dismissHelp')}</p>
      <Radio.Group
        className="radio-column"
        value={reason}
        onChange={(e) => setReason(String(e.target.value))}
        options={REASONS.map((value) => ({ value, label: t(`alerts.reason.${value}`) }))}
      />
      <Input
        placeholder={t('alerts.dismissNote')}
        aria-label={t('alerts.dismissNote')}
        maxLength={200}
        value={note}
        onChange={(e) => setNote(e.target.value)}
      />
    </Modal>
  )
}
