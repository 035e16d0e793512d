import { useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Checkbox, Input, Modal } from 'antd'
import { useState } from 'react'
import { sendJson } from '../api/client'
import type { Identity, Parted, Profile } from '../api/types'
import { useRouter } from '../app/router'
import { useSession } from '../app/session'
import { useWords } from '../i18n'
import { useErrorText } from '../parts/errors'
import { splitIdentity, traitText } from '../text/format'

// Lets somebody with the right take identities out of a customer that is two people.
export function UnmergeButton({ profile }: { profile: Profile }) {
  const { t } = useWords()
  const { session } = useSession()
  // As it was when the dialog was opened: the page behind it is read anew all the time.
  const [opened, setOpened] = useState<Profile | null>(null)
  if (session?.role !== 'admin' || (profile.identities.length < 2 && !opened)) return null
  return (
    <>
      <Button size="small" onClick={() => setOpened(profile)}>
        {t('unmerge.button')}
      </Button>
      {opened && <Dialog profile={opened} onClose={() => setOpened(null)} />}
    </>
  )
}

interface DialogProps {
  profile: Profile
  onClose: () => void
}

function Dialog({ profile, onClose }: DialogProps) {
  const { t } = useWords()
  const errorText = useErrorText()
  const client = useQueryClient()
  const { go } = useRouter()
  const [moved, setMoved] = useState<string[]>([])
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState('')
  const [done, setDone] = useState<Parted | null>(null)
  const confirm = async () => {
    setBusy(true)
    setRefused('')
    try {
      const path = `/api/v1/profiles/${encodeURIComponent(profile.profile_id)}/unmerge`
      setDone(await sendJson<Parted>('POST', path, { identities: moved, reason: reason.trim() }))
      void client.invalidateQueries({ queryKey: ['profile'] })
      void client.invalidateQueries({ queryKey: ['timeline'] })
    } catch (error) {
      setRefused(errorText(error))
    } finally {
      setBusy(false)
    }
  }
  if (done) {
    const fresh = done.new_profile_id
    const open = () => {
      onClose()
      go('profiles', fresh)
    }
    return (
      <Modal
        open
        title={fresh ? t('unmerge.doneTitle') : t('unmerge.laterTitle')}
        okText={t('unmerge.open')}
        okButtonProps={{ hidden: !fresh }}
        cancelText={t('unmerge.stay')}
        onOk={open}
        onCancel={onClose}
      >
        <Result parted={done} />
      </Modal>
    )
  }
  const left = profile.identities.length - moved.length
  return (
    <Modal
      open
      title={t('unmerge.title')}
      okText={t('unmerge.confirm')}
      okButtonProps={{ danger: true, disabled: moved.length === 0 || left === 0 }}
      confirmLoading={busy}
      cancelText={t('common.cancel')}
      onOk={() => void confirm()}
      onCancel={onClose}
    >
      <Choice profile={profile} moved={moved} onMove={setMoved} />
      <Input
        placeholder={t('unmerge.reason')}
        aria-label={t('unmerge.reason')}
        maxLength={200}
        value={reason}
        onChange={(e) => setReason(e.target.value)}
      />
      <p className="warn unmerge-says">
        {moved.length === 0 ? t('unmerge.choose') : left === 0 ? t('unmerge.allChosen') : t('unmerge.moves', { leave: moved.length, stay: left })}
      </p>
      {refused && <Alert type="error" showIcon title={refused} />}
    </Modal>
  )
}

interface ChoiceProps {
  profile: Profile
  moved: string[]
  onMove: (moved: string[]) => void
}

function Choice({ profile, moved, onMove }: ChoiceProps) {
  const { t } = useWords()
  const identities = profile.identities.filter((one): one is string => typeof one === 'string')
  return (
    <>
      <p className="muted">{t('unmerge.help')}</p>
      <Checkbox.Group
        className="radio-column"
        options={identities.map((one) => ({ value: one, label: <Name identity={one} profile={profile} /> }))}
        value={moved}
        onChange={(list) => onMove(list.map(String))}
      />
    </>
  )
}

function Result({ parted }: { parted: Parted }) {
  const { t } = useWords()
  if (!parted.new_profile_id) return <p className="muted">{t('unmerge.later')}</p>
  return (
    <>
      <dl className="pairs unmerge-done">
        <div>
          <dt>{t('unmerge.kept')}</dt>
          <dd>
            <code>{parted.profile_id}</code>
          </dd>
        </div>
        <div>
          <dt>{t('unmerge.new')}</dt>
          <dd>
            <code>{parted.new_profile_id}</code>
          </dd>
        </div>
      </dl>
      <p className="muted">{t('unmerge.restoring')}</p>
    </>
  )
}

// What a person can tell it by: of a phone or an address only a hash is kept, the value itself is a trait.
function Name({ identity, profile }: { identity: Identity; profile: Profile }) {
  const { maybe } = useWords()
  const { namespace, value } = splitIdentity(identity)
  const alone = profile.identities.filter((one) => splitIdentity(one).namespace === namespace).length === 1
  const trait = traitText(profile.traits[namespace])
  const hashed = namespace === 'phone' || namespace === 'email'
  return (
    <>
      <span className="muted">{maybe(`trait.${namespace}`) ?? namespace}</span>{' '}
      {hashed && alone && trait !== '—' ? trait : hashed ? <code title={value}>{value.slice(0, 8)}…</code> : value}
    </>
  )
}
