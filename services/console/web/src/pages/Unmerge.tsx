import { useQueryClient } from '@tanstack/react-query'
import { App, Button, Checkbox, Input, Modal } from 'antd'
import { useState } from 'react'
import { sendJson } from '../api/client'
import type { Profile } from '../api/types'
import { useSession } from '../app/session'
import { useWords } from '../i18n'
import { useErrorText } from '../parts/errors'
import { identityText } from '../text/identity'

// Lets somebody with the right take identities out of a customer that is two people.
export function UnmergeButton({ profile }: { profile: Profile }) {
  const { t } = useWords()
  const { session } = useSession()
  const [open, setOpen] = useState(false)
  const identities = profile.identities.filter((one): one is string => typeof one === 'string')
  if (session?.role !== 'admin' || identities.length < 2) return null
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        {t('unmerge.button')}
      </Button>
      {open && <Dialog profile={profile} identities={identities} onClose={() => setOpen(false)} />}
    </>
  )
}

interface DialogProps {
  profile: Profile
  identities: string[]
  onClose: () => void
}

function Dialog({ profile, identities, onClose }: DialogProps) {
  const { t, lang } = useWords()
  const { message } = App.useApp()
  const errorText = useErrorText()
  const client = useQueryClient()
  const [moved, setMoved] = useState<string[]>([])
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const confirm = async () => {
    setBusy(true)
    try {
      await sendJson('POST', `/api/v1/profiles/${encodeURIComponent(profile.profile_id)}/unmerge`, { identities: moved, reason: reason.trim() })
      message.success(t('unmerge.done'))
      onClose()
      void client.invalidateQueries({ queryKey: ['profile'] })
      void client.invalidateQueries({ queryKey: ['timeline'] })
    } catch (error) {
      message.error(errorText(error))
    } finally {
      setBusy(false)
    }
  }
  const possible = moved.length > 0 && moved.length < identities.length
  return (
    <Modal
      open
      title={t('unmerge.title')}
      okText={t('unmerge.confirm')}
      okButtonProps={{ danger: true, disabled: !possible }}
      confirmLoading={busy}
      cancelText={t('common.cancel')}
      onOk={() => void confirm()}
      onCancel={onClose}
    >
      <p className="muted">{t('unmerge.help')}</p>
      <Checkbox.Group className="radio-column" options={identities.map((one) => ({ value: one, label: identityText(one, lang), title: one }))} value={moved} onChange={(list) => setMoved(list.map(String))} />
      <Input
        placeholder={t('unmerge.reason')}
        aria-label={t('unmerge.reason')}
        maxLength={200}
        value={reason}
        onChange={(e) => setReason(e.target.value)}
      />
      <p className="warn small">{possible ? t('unmerge.moves', { identities: moved.map((one) => identityText(one, lang)).join(lang === 'zh' ? '、' : ', ') }) : t('unmerge.choose')}</p>
    </Modal>
  )
}
