import { PauseOutlined, CaretRightOutlined } from '@ant-design/icons'
import { Alert, Button, Input, Segmented } from 'antd'
import { useCallback, useMemo, useState } from 'react'
import { DIMENSIONS, type Dimension } from '../api/types'
import { StagePanel } from '../charts/StageChart'
import { useWords } from '../i18n'
import { groupColor, groupTags, UNGROUPED, type Board } from '../live/board'
import { useBoard } from '../live/BoardProvider'
import { StreamMark } from '../parts/marks'
import { Loading, Nothing, PageHead, Trouble } from '../parts/states'
import { FreshDot } from '../parts/time'
import { formatClock, formatCount } from '../text/format'
import { MembersDrawer } from './MembersDrawer'
import { TagCard } from './TagCard'
import type { Place } from './TagSplit'
import { usePins } from './usePins'
import { usePlaces } from './usePlaces'

export default function Tags() {
  const { t } = useWords()
  const { board, stream, error, by, setBy } = useBoard()
  const [frozen, setFrozen] = useState<Board | null>(null)
  const [search, setSearch] = useState('')
  const [asked, setAsked] = useState<{ tag: string; place?: Place } | null>(null)
  const showMembers = useCallback((tag: string, place?: Place) => setAsked({ tag, place }), [])
  const shown = frozen ?? board
  const snapshot = shown.snapshot

  return (
    <>
      <PageHead title={t('tags.title')}>
        <FreshDot asOf={snapshot?.as_of} />
        {stream !== 'open' && <StreamMark state={stream} />}
        <Button
          icon={frozen ? <CaretRightOutlined /> : <PauseOutlined />}
          onClick={() => setFrozen(frozen ? null : board)}
          aria-pressed={frozen !== null}
          disabled={!snapshot}
        >
          {frozen ? t('common.resume') : t('common.pause')}
        </Button>
        <Segmented<Dimension | ''>
          aria-label={t('tags.by')}
          value={by ?? ''}
          disabled={frozen !== null}
          onChange={(value) => setBy(value || null)}
          options={[{ value: '', label: t('tags.by.all') }, ...DIMENSIONS.map((value) => ({ value, label: t(`tags.by.${value}`) }))]}
        />
        <Input.Search
          className="tool-search"
          allowClear
          placeholder={t('tags.search')}
          aria-label={t('tags.search')}
          onChange={(e) => setSearch(e.target.value)}
        />
      </PageHead>
      {frozen && snapshot && (
        <Alert type="info" showIcon className="gap" title={t('tags.pausedNote', { time: formatClock(snapshot.as_of ?? '') })} />
      )}
      {!snapshot && (error ? <Trouble error={error} /> : <Loading />)}
      {snapshot && <BoardBody board={shown} search={search} by={by} onMembers={showMembers} />}
      <MembersDrawer tag={asked?.tag ?? null} place={asked?.place} onClose={() => setAsked(null)} />
    </>
  )
}

interface BoardBodyProps {
  board: Board
  search: string
  by: Dimension | null
  onMembers: (tag: string, place?: Place) => void
}

function BoardBody({ board, search, by, onMembers }: BoardBodyProps) {
  const { t, lang } = useWords()
  const pins = usePins()
  const nameOf = usePlaces(by)
  const snapshot = board.snapshot!
  const groups = useMemo(
    () => groupTags(snapshot.tags, { search, pinned: pins.pinned, groups: snapshot.groups }),
    [snapshot, search, pins.pinned],
  )
  return (
    <>
      <BoardNotes board={board} />
      <div className="board">
        <div className="board-groups">
          {groups.length === 0 && <Nothing>{t(snapshot.tags.length ? 'tags.empty' : 'tags.emptyAll')}</Nothing>}
          {groups.map(({ group, tags }) => (
            <section key={group} className="tag-group">
              <h2>
                <GroupDot color={groupColor(snapshot.groups, group)} />
                {group === UNGROUPED ? t('tags.ungrouped') : group || t('tags.pinned')} <small>{tags.length}</small>
              </h2>
              {by && tags.every((tag) => !tag.by) && <p className="muted small">{t('tags.by.none', { dimension: t(`tags.by.${by}`) })}</p>}
              <div className="tag-grid">
                {tags.map((tag) => (
                  <TagCard
                    key={tag.tag}
                    tag={tag}
                    samples={board.trail.get(tag.tag) ?? []}
                    pinned={pins.pinned.has(tag.tag)}
                    onPin={pins.toggle}
                    by={by}
                    nameOf={nameOf}
                    onMembers={onMembers}
                  />
                ))}
              </div>
            </section>
          ))}
        </div>
        <aside className="board-side">
          <div className="panel people">
            <div>
              <span className="muted small">{t('overview.known')}</span>
              <b>{formatCount(snapshot.population.known, lang)}</b>
            </div>
            <div>
              <span className="muted small">{t('overview.anonymous')}</span>
              <b>{formatCount(snapshot.population.anonymous, lang)}</b>
            </div>
          </div>
          {snapshot.stages.length > 0 && <StagePanel stages={snapshot.stages} />}
        </aside>
      </div>
    </>
  )
}

function GroupDot({ color }: { color: string | undefined }) {
  return color ? <i className="group-dot" aria-hidden="true" style={{ background: color }} /> : null
}

function BoardNotes({ board }: { board: Board }) {
  const { t, lang } = useWords()
  const { rules_version, activating, stale } = board.snapshot!
  return (
    <p className="board-notes muted small">
      <span>{t('tags.rules', { version: rules_version })}</span>
      {activating && <span className="warn">{t('tags.activating')}</span>}
      {stale ? <span className="warn">{t('tags.stale', { count: formatCount(stale, lang) })}</span> : null}
    </p>
  )
}
