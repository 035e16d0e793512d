import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { ApiError, getJson } from '../api/client'
import type { Profile, ProfileTag } from '../api/types'
import { useRouter } from '../app/router'
import { useWords } from '../i18n'
import { namespaceName } from '../i18n/names'
import { Chip } from '../parts/marks'
import { Loading, Panel, Trouble } from '../parts/states'
import { Ago, useNow } from '../parts/time'
import { formatMeasure, formatTime, splitIdentity, traitText } from '../text/format'
import { identityValue } from '../text/identity'
import { Conflicts } from './Conflicts'
import { MomentPicker } from './MomentPicker'
import { Timeline } from './Timeline'
import { UnmergeButton } from './Unmerge'
import { useNames } from './useNames'
import { WhyDrawer } from './WhyDrawer'
import { addRecent } from './recent'

const REFRESH_MS = 5_000
const PARTING_MS = 1_000

export function ProfileView({ id }: { id: string }) {
  const { t } = useWords()
  const { replace } = useRouter()
  const [at, setAt] = useState<string | null>(null)
  const query = useQuery({
    queryKey: ['profile', id, at],
    queryFn: ({ signal }) => getJson<Profile>(pathOf(id, at), signal),
    // The past does not change.
    refetchInterval: (q) => (at ? false : q.state.data?.parting ? PARTING_MS : REFRESH_MS),
  })
  const found = query.data?.profile_id
  // A phone number typed into the search must not stay in the address bar and the history.
  useEffect(() => {
    if (!found) return
    addRecent(found)
    if (found !== id) replace('profiles', found)
  }, [found, id, replace])
  const picker = <MomentPicker at={at} onAt={setAt} />
  if (at && !query.data) {
    return (
      <>
        {picker}
        {query.error ? <NotThen error={query.error} onRetry={() => void query.refetch()} /> : <Loading />}
      </>
    )
  }
  if (query.isPending) return <Loading />
  if (query.error && !query.data) {
    const unknown = query.error instanceof ApiError && query.error.status === 404
    if (unknown) return <Alert type="info" showIcon title={t('profile.unknown', { id })} />
    return <Trouble error={query.error} onRetry={() => void query.refetch()} />
  }
  return (
    <>
      {picker}
      <Sheet profile={query.data!} at={at} />
    </>
  )
}

function NotThen({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { t } = useWords()
  if (error instanceof ApiError && error.status === 404) return <Alert type="info" showIcon title={t('profile.momentBefore')} />
  return <Trouble error={error} onRetry={onRetry} />
}

function pathOf(id: string, at: string | null): string {
  const path = `/api/v1/profiles/${encodeURIComponent(id)}`
  return at ? `${path}/at?time=${encodeURIComponent(at)}` : path
}

function Sheet({ profile, at }: { profile: Profile; at: string | null }) {
  const { t } = useWords()
  useReadAgain(profile)
  const [why, setWhy] = useState<string | null>(null)
  return (
    <div className="profile">
      <div className="profile-side">
        <Who profile={profile} />
        <Identities profile={profile} past={at !== null} />
        <Conflicts conflicts={profile.conflicts ?? []} />
        <Measures profile={profile} />
      </div>
      <div className="profile-main">
        <Panel title={`${t('profile.tags')} ${profile.tags.length}`}>
          <TagTable tags={profile.tags} at={at} onWhy={setWhy} />
        </Panel>
        <Timeline profileId={profile.profile_id} />
      </div>
      <WhyDrawer profileId={profile.profile_id} tag={why} at={at} onClose={() => setWhy(null)} />
    </div>
  )
}

// When its past has come back after an unmerge, so has what the timeline shows.
function useReadAgain({ profile_id: id, parting }: Profile) {
  const client = useQueryClient()
  const waits = useRef(false)
  useEffect(() => {
    if (waits.current && !parting) void client.invalidateQueries({ queryKey: ['timeline'] })
    waits.current = parting ?? false
  }, [client, id, parting])
}

function Who({ profile }: { profile: Profile }) {
  const { t, lang, maybe } = useWords()
  const { staff } = useNames()
  const name = traitText(profile.traits.name)
  const owner = profile.owner ?? traitText(profile.traits.owner)
  const owners = profile.owners ?? []
  const stage = profile.stage?.stage ?? profile.stage?.name
  const traits = Object.entries(profile.traits).filter(([key]) => !['name', 'owner', 'owners'].includes(key))
  return (
    <section className="panel who-card">
      <div className="who-name">
        <span className="avatar" aria-hidden="true">
          {(name !== '—' ? name : profile.profile_id).slice(0, 1).toUpperCase()}
        </span>
        <div>
          <h2>{name !== '—' ? name : profile.profile_id}</h2>
          <code className="muted small">{profile.profile_id}</code>
        </div>
      </div>
      <div className="who-facts">
        {stage && (
          <Fact label={t('profile.stage')}>
            <span className="stage-mark">{stage}</span>
          </Fact>
        )}
        <Fact label={t('profile.owner')}>{owner === '—' ? owner : staff(owner)}</Fact>
        {owners.length > 1 && <Fact label={t('profile.owners')}>{owners.map(staff).join(lang === 'zh' ? '、' : ', ')}</Fact>}
      </div>
      <h3>{t('profile.basic')}</h3>
      {traits.length === 0 && <p className="muted small">{t('profile.noTraits')}</p>}
      <dl className="pairs">
        {traits.map(([key, value]) => (
          <div key={key}>
            <dt>{maybe(`trait.${key}`) ?? key}</dt>
            <dd>{traitText(value)}</dd>
          </div>
        ))}
      </dl>
      <Flags profile={profile} />
      <p className="muted small">{t('profile.asOf', { time: formatTime(profile.as_of, lang) })}</p>
    </section>
  )
}

function Flags({ profile }: { profile: Profile }) {
  const { t } = useWords()
  const flags = [
    profile.late && t('profile.momentLate'),
    profile.stale && t('profile.stale'),
    profile.merging && t('profile.merging'),
    profile.parting && t('profile.parting'),
    profile.profiling_refused && t('profile.refused'),
    profile.suppressed && t('profile.suppressed'),
    profile.internal && t('profile.internal'),
  ].filter((text) => text !== undefined && text !== false)
  return flags.map((text) => (
    <p key={text} className="warn small">
      {text}
    </p>
  ))
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="fact">
      <span className="muted small">{label}</span>
      <b>{children}</b>
    </div>
  )
}

function Identities({ profile, past }: { profile: Profile; past: boolean }) {
  const { t, lang } = useWords()
  const conflicts = new Set((profile.conflicts ?? []).map((c) => c.identity))
  return (
    <Panel title={t('profile.identities')} extra={!past && <UnmergeButton profile={profile} />}>
      <dl className="pairs">
        {profile.identities.map((identity, i) => {
          const { namespace, value } = splitIdentity(identity)
          const conflict = typeof identity === 'string' ? conflicts.has(identity) : identity.conflict
          return (
            <div key={i}>
              <dt title={namespace}>{namespaceName(namespace, lang)}</dt>
              <dd title={value}>
                {identityValue(value)} {conflict && <Chip tone="alert">{t('profile.conflict')}</Chip>}
              </dd>
            </div>
          )
        })}
      </dl>
    </Panel>
  )
}

function Measures({ profile }: { profile: Profile }) {
  const { t, lang } = useWords()
  const measures = Object.entries(profile.measures)
  const inexact = new Set(profile.inexact ?? [])
  const warming = new Set((profile.warming ?? []).map((w) => (typeof w === 'string' ? w : w.measure)))
  return (
    <Panel title={t('profile.measures')}>
      {measures.length === 0 && <p className="muted small">{t('profile.noMeasures')}</p>}
      <dl className="pairs numbers">
        {measures.map(([name, value]) => (
          <div key={name}>
            <dt>
              {name} {warming.has(name) && <Chip title={t('profile.warming')}>{t('tags.warming')}</Chip>}
            </dt>
            <dd title={inexact.has(name) ? t('profile.inexact') : undefined}>
              {inexact.has(name) && '≈ '}
              {formatMeasure(value, lang)}
            </dd>
          </div>
        ))}
      </dl>
    </Panel>
  )
}

function TagTable({ tags, at, onWhy }: { tags: ProfileTag[]; at: string | null; onWhy: (tag: string) => void }) {
  const { t } = useWords()
  const now = useNow(10_000)
  if (tags.length === 0) return <p className="muted">{t('profile.noTags')}</p>
  return (
    <ul className="held-tags">
      {tags.map((tag) => (
        <li key={tag.tag}>
          <div className="held-name">
            <Chip tone="add">{tag.tag}</Chip>
            <span className="muted small held-group">{tag.group}</span>
          </div>
          <span className="small">
            <Ago time={tag.since} now={now} />
            {' · '}
            <Expiry tag={tag} now={at ? Date.parse(at) : now} />
          </span>
          <span className="muted small held-rule">
            {tag.rule ? `${tag.rule} · ${t('profile.version', { version: tag.rule_version })}` : t('profile.manual')}
          </span>
          <Button size="small" onClick={() => onWhy(tag.tag)} aria-label={t('profile.why', { tag: tag.tag })}>
            {t('profile.whyButton')}
          </Button>
        </li>
      ))}
    </ul>
  )
}

function Expiry({ tag, now }: { tag: ProfileTag; now: number }) {
  const { t, lang } = useWords()
  if (!tag.expires_at) return <span className="muted">{t('profile.forGood')}</span>
  const soon = Date.parse(tag.expires_at) - now < 86_400_000
  return <span className={soon ? 'warn' : 'muted'}>{t('profile.expires', { time: formatTime(tag.expires_at, lang) })}</span>
}
