import { useInfiniteQuery } from '@tanstack/react-query'
import { Button, Drawer } from 'antd'
import { getJson } from '../api/client'
import type { TagMembers } from '../api/types'
import { Link } from '../app/router'
import { useWords } from '../i18n'
import { Loading, Nothing, Trouble } from '../parts/states'
import { Ago, useNow } from '../parts/time'
import { formatTime } from '../text/format'

export function MembersDrawer({ tag, onClose }: { tag: string | null; onClose: () => void }) {
  const { t } = useWords()
  return (
    <Drawer open={tag !== null} onClose={onClose} title={t('tags.members', { tag: tag ?? '' })} size={420} destroyOnHidden>
      {tag !== null && <Members tag={tag} />}
    </Drawer>
  )
}

function Members({ tag }: { tag: string }) {
  const { t, lang } = useWords()
  const now = useNow(10_000)
  const query = useInfiniteQuery({
    queryKey: ['members', tag],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const cursor = pageParam ? `&cursor=${encodeURIComponent(pageParam)}` : ''
      return getJson<TagMembers>(`/api/v1/tags/${encodeURIComponent(tag)}/members?limit=50${cursor}`, signal)
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
