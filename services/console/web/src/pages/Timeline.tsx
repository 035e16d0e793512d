import { useInfiniteQuery } from '@tanstack/react-query'
import { Button, Segmented } from 'antd'
import { useState } from 'react'
import { getJson } from '../api/client'
import type { Timeline as TimelinePage, TimelineItem, TimelineKind } from '../api/types'
import { Link } from '../app/router'
import { useWords } from '../i18n'
import { eventTypeName } from '../i18n/names'
import { Loading, Panel, Trouble } from '../parts/states'
import { formatClock, formatDay, formatDecimal, formatTime, matchedWords, splitIdentity } from '../text/format'
import { byDay } from './byDay'
import { useNames, type Names } from './useNames'

type Filter = 'all' | TimelineKind
// A history that is this little behind needs no word.
const WORTH_SAYING_MS = 10_000
const FILTERS: Filter[] = ['all', 'event', 'tag', 'stage', 'alert', 'note', 'identity']

export function Timeline({ profileId }: { profileId: string }) {
  const { t, lang } = useWords()
  const names = useNames()
  const [filter, setFilter] = useState<Filter>('all')
  const query = useInfiniteQuery({
    queryKey: ['timeline', profileId, filter],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const kind = filter === 'all' ? '' : `&kind=${filter}`
      const cursor = pageParam ? `&cursor=${encodeURIComponent(pageParam)}` : ''
      return getJson<TimelinePage>(`/api/v1/profiles/${encodeURIComponent(profileId)}/timeline?limit=50${kind}${cursor}`, signal)
    },
    getNextPageParam: (last) => last.next_cursor || undefined,
  })
  const items = (query.data?.pages ?? []).flatMap((p) => p.items)
  const shown = filter === 'all' ? items : items.filter((i) => i.kind === filter)
  const archivedTo = query.data?.pages[0]?.archived_to
  const late = archivedTo ? Date.parse(archivedTo) < query.dataUpdatedAt - WORTH_SAYING_MS : false
  const options = FILTERS.map((value) => ({ value, label: t(`kind.${value}`) }))
  return (
    <Panel
      title={t('profile.timeline')}
      extra={
        <>
          <Segmented size="small" options={options} value={filter} onChange={setFilter} />
          <Button size="small" onClick={() => void query.refetch()} loading={query.isRefetching}>
            {t('common.reload')}
          </Button>
        </>
      }
    >
      {query.isPending && <Loading />}
      {query.error && <Trouble error={query.error} onRetry={() => void query.refetch()} />}
      {query.data && shown.length === 0 && <p className="muted">{t('profile.noTimeline')}</p>}
      {late && archivedTo && <p className="muted small">{t('profile.archived', { time: formatTime(archivedTo, lang) })}</p>}
      {byDay(shown).map(([day, list]) => (
        <section key={day} className="day">
          <h3>{formatDay(list[0]!.time, lang)}</h3>
          <ol className="timeline">
            {list.map((item, i) => (
              <Row key={`${item.event_id ?? item.time}/${item.kind}/${i}`} item={item} names={names} />
            ))}
          </ol>
        </section>
      ))}
      {query.hasNextPage && (
        <Button block loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
    </Panel>
  )
}

function Other({ item, other }: { item: TimelineItem; other: string }) {
  if (item.op !== 'shared') {
    return (
      <Link page="profiles" rest={other} className="conflict-link">
        {other}
      </Link>
    )
  }
  const { namespace, value } = splitIdentity(other)
  return (
    <span>
      {namespace} <code className="small">{value}</code>
    </span>
  )
}

function Row({ item, names }: { item: TimelineItem; names: Names }) {
  const { t, lang, maybe } = useWords()
  const what =
    item.kind === 'event'
      ? eventTypeName(item.type, lang)
      : (maybe(`op.${item.op ?? item.type}`) ?? maybe(`did.${item.type}`) ?? maybe(`one.${item.kind}`) ?? item.type)
  const stage = item.from_stage && item.stage ? `${item.from_stage} → ${item.stage}` : item.stage
  const about = [item.tag, stage, item.object_title, item.title !== item.object_title ? item.title : undefined].filter(Boolean)
  const where = [item.channel && names.channel(item.channel), item.source, item.staff_id && names.staff(item.staff_id)].filter(Boolean).join(' · ')
  const rule = item.rule ? `${item.rule} · ${t('profile.version', { version: item.rule_version ?? '—' })}` : ''
  return (
    <li className={`tl tl-${item.kind} ${item.op ? `tl-${item.op}` : ''}`} title={item.event_id}>
      <time dateTime={item.time}>{formatClock(item.time)}</time>
      <div>
        <b>{what}</b> <span>{about.join(' · ')}</span> {item.other && <Other item={item} other={item.other} />}{' '}
        {matchedWords(item.matched).map((word) => (
          <mark key={word}>{word}</mark>
        ))}
        {item.amount !== undefined && item.amount !== '' && (
          <span className="amount">
            {formatDecimal(String(item.amount))} {item.currency}
          </span>
        )}
        {(where || rule) && <div className="muted small">{[where, rule].filter(Boolean).join(' · ')}</div>}
      </div>
    </li>
  )
}
