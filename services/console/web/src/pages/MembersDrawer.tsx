import { useInfiniteQuery } from '@tanstack/react-query'
import { Button, Drawer, Tabs } from 'antd'
import { getJson } from '../api/client'
import type { TagMembers } from '../api/types'
import { Link } from '../app/router'
import { useWords } from '../i18n'
import { Loading, Nothing, Trouble } from '../parts/states'
import { Ago, useNow } from '../parts/time'
import { formatTime } from '../text/format'
import { TagChangeList } from './TagChangeList'
import type { Place } from './TagSplit'

interface MembersDrawerProps {
  tag: string | null
  place?: Place
  onClose: () => void
}

export function MembersDrawer({ tag, place, onClose }: MembersDrawerProps) {
  const { t } = useWords()
  const title = place ? t('tags.membersIn', { tag: tag ?? '', place: place.name }) : t('tags.members', { tag: tag ?? '' })
  return (
    <Drawer open={tag !== null} onClose={onClose} title={title} size={460} destroyOnHidden>
      {tag !== null && (
        <Tabs
          items={[
            { key: 'members', label: t('tags.tabMembers'), children: <Members tag={tag} place={place} /> },
            { key: 'changes', label: t('tags.tabChanges'), children: <TagChangeList tag={tag} /> },
          ]}
        />
      )}
    </Drawer>
  )
}

function Members({ tag, place }: { tag: string; place?: Place }) {
  const { t, lang } = useWords()
  const now = useNow(10_000)
  const query = useInfiniteQuery({
    queryKey: ['members', tag, place?.dimension, place?.value],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const cursor = pageParam ? `&cursor=${encodeURIComponent(pageParam)}` : ''
      const within = place ? `&${place.dimension}=${encodeURIComponent(place.value)}` : ''
      return getJson<TagMembers>(`/api/v1/tags/${encodeURIComponent(tag)}/members?limit=50${within}${cursor}`, signal)
    },
    getNextPageParam: (last) => last.next_cursor || undefined,
  })
  if (query.isPending) return <Loading />
  if (query.error) return <Trouble error={query.error} onRetry={() => void query.refetch()} />
  const members = query.data.pages.flatMap((p) => p.members)
  if (members.length === 0) return <Nothing>{t('tags.noMembers')}</Nothing>
  return (
    <ul className="member-list">
      {members.map((m) => (
        <li key={m.profile_id}>
          <Link page="profiles" rest={m.profile_id}>
            {m.name || m.profile_id}
          </Link>
          <span className="muted small">
            <Ago time={m.since} now={now} />
            {m.expires_at && ` · ${t('tags.until', { time: formatTime(m.expires_at, lang) })}`}
          </span>
        </li>
      ))}
      {query.hasNextPage && (
        <Button block loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
    </ul>
  )
}
