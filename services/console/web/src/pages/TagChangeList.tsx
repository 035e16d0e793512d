import { useInfiniteQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { getJson } from '../api/client'
import type { TagChange, TagChanges } from '../api/types'
import { Link } from '../app/router'
import { useWords } from '../i18n'
import { eventTypeName } from '../i18n/names'
import { Chip } from '../parts/marks'
import { Loading, Nothing, Trouble } from '../parts/states'
import { Ago, useNow } from '../parts/time'
import { formatTime, matchedWords, type Lang } from '../text/format'

// Who entered and left a tag, the newest first, each with its cause. It is read from history.
export function TagChangeList({ tag }: { tag: string }) {
  const { t, lang } = useWords()
  const now = useNow(10_000)
  const query = useInfiniteQuery({
    queryKey: ['tagChanges', tag],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const cursor = pageParam ? `&cursor=${encodeURIComponent(pageParam)}` : ''
      return getJson<TagChanges>(`/api/v1/tags/${encodeURIComponent(tag)}/changes?limit=50${cursor}`, signal)
    },
    getNextPageParam: (last) => last.next_cursor || undefined,
  })
  if (query.isPending) return <Loading />
  if (query.error) return <Trouble error={query.error} onRetry={() => void query.refetch()} />
  const changes = query.data.pages.flatMap((p) => p.changes)
  const { as_of, rules_version } = query.data.pages[0]!
  return (
    <>
      <p className="muted small">
        {as_of ? t('tags.changesAsOf', { time: formatTime(as_of, lang), version: rules_version }) : t('tags.changesBehind', { version: rules_version })}
      </p>
      {changes.length === 0 && <Nothing>{t('tags.noChanges')}</Nothing>}
      <ul className="member-list">
        {changes.map((c) => (
          <li key={c.change_id}>
            <div className="change-line">
              <span>
                <Chip tone={c.op === 'applied' || c.op === 'renewed' ? 'add' : 'remove'}>{t(`tags.op.${c.op}`)}</Chip>{' '}
                <Link page="profiles" rest={c.profile_id}>
                  {c.name || c.profile_id}
                </Link>
              </span>
              <Cause change={c} />
            </div>
            <span className="muted small">
              <Ago time={c.time} now={now} />
            </span>
          </li>
        ))}
        {query.hasNextPage && (
          <Button block loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t('common.more')}
          </Button>
        )}
      </ul>
    </>
  )
}

function Cause({ change }: { change: TagChange }) {
  const { t, lang, maybe } = useWords()
  const why = maybe(`tags.cause.${change.reason}`) ?? change.reason
  const event = change.evidence[0]
  return (
    <span className="muted small">
      {t('tags.cause', { why, rule: change.rule, version: change.rule_version })}
      {event && ` · ${evidenceText(event, lang)}`}
    </span>
  )
}

// The event that stands first is the one that made the change.
export function evidenceText(event: TagChange['evidence'][number], lang: Lang): string {
  const words = matchedWords(event.matched).map((w) => `“${w}”`)
  return [eventTypeName(event.type, lang) || event.event_id, event.object_title, ...words].filter(Boolean).join(' ')
}
