import { CaretRightOutlined, PauseOutlined } from '@ant-design/icons'
import { Button, Input, Segmented } from 'antd'
import { useCallback, useMemo, useState } from 'react'
import type { LiveEvent } from '../api/types'
import { useWords } from '../i18n'
import { addEvents, emptyFeed, EVENT_CAP, filterEvents, setPaused, type EventFilter } from '../live/events'
import { useStream, useTabActive } from '../live/useStream'
import { StreamMark } from '../parts/marks'
import { Nothing, PageHead } from '../parts/states'
import { formatCount } from '../text/format'
import { EventTable } from './EventTable'

const REDRAW_MS = 250

export default function Events() {
  const { t, lang } = useWords()
  const [feed, setFeed] = useState(emptyFeed)
  const [filter, setFilter] = useState<EventFilter>({ text: '', verdict: 'all' })
  const [source, setSource] = useState('')
  const enabled = useTabActive()
  const url = source ? `/api/v1/events/stream?source=${encodeURIComponent(source)}` : '/api/v1/events/stream'
  const take = useCallback((events: LiveEvent[]) => setFeed((old) => addEvents(old, events)), [])
  const stream = useStream<LiveEvent>({ url, enabled, everyMs: REDRAW_MS }, { onItems: take })
  const rows = useMemo(() => filterEvents(feed.rows, filter), [feed.rows, filter])
  const changeSource = (next: string) => {
    setSource(next.trim())
    setFeed(emptyFeed)
  }
  return (
    <>
      <PageHead title={t('events.title')}>
        <StreamMark state={stream} />
        <Button
          icon={feed.paused ? <CaretRightOutlined /> : <PauseOutlined />}
          aria-pressed={feed.paused}
          onClick={() => setFeed((old) => setPaused(old, !old.paused))}
        >
          {feed.paused ? t('events.held', { count: formatCount(feed.heldCount, lang) }) : t('common.pause')}
        </Button>
        <FilterTools filter={filter} onFilter={setFilter} source={source} onSource={changeSource} />
      </PageHead>
      <p className="muted small board-notes">
        <span>{t('events.total', { total: formatCount(feed.total, lang), rejected: formatCount(feed.rejected, lang) })}</span>
        <span>{t('events.cap', { cap: EVENT_CAP })}</span>
      </p>
      {rows.length === 0 ? (
        <Nothing>{t(feed.rows.length === 0 ? 'events.empty' : 'events.emptyFilter')}</Nothing>
      ) : (
        <EventTable rows={rows} />
      )}
    </>
  )
}

interface FilterToolsProps {
  filter: EventFilter
  onFilter: (filter: EventFilter) => void
  source: string
  onSource: (source: string) => void
}

function FilterTools({ filter, onFilter, source, onSource }: FilterToolsProps) {
  const { t } = useWords()
  const verdicts = (['all', 'accepted', 'rejected', 'effect'] as const).map((value) => ({
    value: value as EventFilter['verdict'],
    label: value === 'all' ? t('common.all') : t(`events.${value}`),
  }))
  return (
    <>
      <Segmented
        options={verdicts}
        value={filter.verdict}
        onChange={(verdict) => onFilter({ ...filter, verdict })}
        aria-label={t('events.verdict')}
      />
      <Input
        className="tool-search"
        allowClear
        placeholder={t('events.filter')}
        aria-label={t('events.filter')}
        onChange={(e) => onFilter({ ...filter, text: e.target.value })}
      />
      <Input
        className="tool-short"
        allowClear
        placeholder={t('events.source')}
        aria-label={t('events.sourceHint')}
        title={t('events.sourceHint')}
        onPressEnter={(e) => onSource(e.currentTarget.value)}
        onBlur={(e) => e.currentTarget.value.trim() !== source && onSource(e.currentTarget.value)}
        onClear={() => onSource('')}
      />
    </>
  )
}
