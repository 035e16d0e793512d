import { useQuery } from '@tanstack/react-query'
import { Drawer } from 'antd'
import { getJson } from '../api/client'
import type { Explanation } from '../api/types'
import { useWords } from '../i18n'
import { ConditionList, EvidenceList, MeasureList } from '../parts/reasons'
import { Loading, Trouble } from '../parts/states'
import { useNow } from '../parts/time'
import { formatTime } from '../text/format'
import { reasonLines } from './reasonLines'

interface WhyDrawerProps {
  profileId: string
  tag: string | null
  onClose: () => void
}

export function WhyDrawer({ profileId, tag, onClose }: WhyDrawerProps) {
  const { t } = useWords()
  return (
    <Drawer open={tag !== null} onClose={onClose} title={t('profile.why', { tag: tag ?? '' })} size={480} destroyOnHidden>
      {tag !== null && <Why profileId={profileId} tag={tag} />}
    </Drawer>
  )
}

function Why({ profileId, tag }: { profileId: string; tag: string }) {
  const { t, lang, maybe } = useWords()
  const now = useNow(10_000)
  const query = useQuery({
    queryKey: ['explain', profileId, tag],
    queryFn: ({ signal }) =>
      getJson<Explanation>(`/api/v1/profiles/${encodeURIComponent(profileId)}/explain?tag=${encodeURIComponent(tag)}`, signal),
  })
  if (query.isPending) return <Loading />
  if (query.error) return <Trouble error={query.error} onRetry={() => void query.refetch()} />
  const why = query.data
  const text = typeof why.text === 'string' ? why.text : why.text?.[lang]
  const tags = Object.entries(why.tags ?? {}).map(([tag, holds]) => ({ text: tag, holds }))
  const lines = reasonLines(why.reason, lang)
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
      <MeasureList measures={Object.entries(why.measures ?? {})} />
      <ConditionList conditions={tags} />
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
