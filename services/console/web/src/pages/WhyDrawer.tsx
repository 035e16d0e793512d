import { useQuery } from '@tanstack/react-query'
import { Drawer } from 'antd'
import { getJson } from '../api/client'
import type { Explanation } from '../api/types'
import { useWords } from '../i18n'
import { eventTypeName } from '../i18n/names'
import { ConditionTreeView } from '../parts/ConditionTreeView'
import { ConditionList, EvidenceList, MeasureList } from '../parts/reasons'
import { Loading, Trouble } from '../parts/states'
import { useNow } from '../parts/time'
import { formatTime } from '../text/format'
import { reasonLines } from './reasonLines'

interface WhyDrawerProps {
  profileId: string
  tag: string | null
  // As of a past moment; null is now.
  at: string | null
  onClose: () => void
}

export function WhyDrawer({ profileId, tag, at, onClose }: WhyDrawerProps) {
  const { t } = useWords()
  return (
    <Drawer open={tag !== null} onClose={onClose} title={t('profile.why', { tag: tag ?? '' })} size={480} destroyOnHidden>
      {tag !== null && <Why profileId={profileId} tag={tag} at={at} />}
    </Drawer>
  )
}

function Why({ profileId, tag, at }: { profileId: string; tag: string; at: string | null }) {
  const { t, lang, maybe } = useWords()
  const now = useNow(10_000)
  const query = useQuery({
    queryKey: ['explain', profileId, tag, at],
    queryFn: ({ signal }) => {
      const then = at ? `&time=${encodeURIComponent(at)}` : ''
      return getJson<Explanation>(`/api/v1/profiles/${encodeURIComponent(profileId)}/explain?tag=${encodeURIComponent(tag)}${then}`, signal)
    },
  })
  if (query.isPending) return <Loading />
  if (query.error) return <Trouble error={query.error} onRetry={() => void query.refetch()} />
  const why = query.data
  const text = typeof why.text === 'string' ? why.text : why.text?.[lang]
  const tags = Object.entries(why.tags ?? {}).map(([tag, holds]) => ({ text: tag, holds }))
  const trees = why.tree ? [{ tag: '', tree: why.tree }] : (why.choose ?? [])
  // What the trees show with its value needs no list of its own.
  const lines = reasonLines(trees.length > 0 ? without(why.reason, trees.map((c) => c.tag || 'condition')) : why.reason, lang)
  return (
    <div className="why">
      <p>
        <span className={why.holds ? 'good' : 'warn'}>{t(why.holds ? 'profile.holds' : 'profile.notHolds')}</span>
        {why.since && <span className="muted"> · {t('tags.since', { time: formatTime(why.since, lang) })}</span>}
      </p>
      {text && <p>{text}</p>}
      <h3>{t('profile.rule')}</h3>
      <p>
        {why.rule} · {t('profile.version', { version: why.rule_version })}
      </p>
      {why.when && (
        <>
          <h3>{t('profile.when')}</h3>
          <pre className="expression">{why.when}</pre>
        </>
      )}
      {trees.length > 0 ? (
        <>
          <h3>{t('profile.tree')}</h3>
          {why.tree_note?.[lang] && <p className="muted small">{why.tree_note[lang]}</p>}
          {why.tree_event && (
            <p className="small">
              {t('profile.judgedBy')}
              {eventTypeName(why.tree_event.type, lang)} {why.tree_event.object_title} {why.tree_event.time && formatTime(why.tree_event.time, lang)}
            </p>
          )}
          {trees.map((c) => c.tree && <ConditionTreeView key={c.tag} tree={c.tree} tag={c.tag} />)}
        </>
      ) : (
        <>
          <MeasureList measures={Object.entries(why.measures ?? {})} />
          <ConditionList conditions={tags} />
        </>
      )}
      {why.warming?.length ? <p className="warn small">{t('tags.warmingHelp')}</p> : null}
      {lines.length > 0 && (
        <>
          <h3>{t('profile.reason')}</h3>
          <dl className="pairs">
            {lines.map(([name, text]) => (
              <div key={name}>
                <dt>{maybe(`why.${name}`) ?? name}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <h3>{t('profile.evidence')}</h3>
      <EvidenceList evidence={why.evidence ?? []} now={now} />
    </div>
  )
}

function without(reason: Record<string, unknown> | undefined, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(reason ?? {}).filter(([name]) => !names.includes(name)))
}
