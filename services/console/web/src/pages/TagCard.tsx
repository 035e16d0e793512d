import { PushpinFilled, PushpinOutlined } from '@ant-design/icons'
import { memo } from 'react'
import type { Dimension, TagCount } from '../api/types'
import { Sparkline } from '../charts/Sparkline'
import { useWords } from '../i18n'
import { change, trailMinutes, type Sample } from '../live/board'
import { Chip } from '../parts/marks'
import { formatCount } from '../text/format'
import { TagSplit, type Place } from './TagSplit'

interface TagCardProps {
  tag: TagCount
  samples: readonly Sample[]
  pinned: boolean
  onPin: (tag: string) => void
  by: Dimension | null
  nameOf: (value: string) => string
  onMembers: (tag: string, place?: Place) => void
}

export const TagCard = memo(function TagCard({ tag, samples, pinned, onPin, by, nameOf, onMembers }: TagCardProps) {
  const { t, lang } = useWords()
  const moved = change(samples)
  const first = samples[0]?.count ?? tag.count
  const minutes = trailMinutes(samples)
  const sign = moved > 0 ? '+' : ''
  return (
    <article className="tag-card">
      <div className="tag-top">
        <button type="button" className="tag-name" onClick={() => onMembers(tag.tag)} title={t('tags.membersOpen', { tag: tag.tag })}>
          {tag.tag}
        </button>
        {tag.warming && <Chip title={t('tags.warmingHelp')}>{t('tags.warming')}</Chip>}
        <button
          type="button"
          className={`pin ${pinned ? 'pin-on' : ''}`}
          aria-pressed={pinned}
          aria-label={t(pinned ? 'tags.unpin' : 'tags.pin', { tag: tag.tag })}
          onClick={() => onPin(tag.tag)}
        >
          {pinned ? <PushpinFilled /> : <PushpinOutlined />}
        </button>
      </div>
      <div className="tag-mid">
        {/* A new key restarts the flash, so each change of the number is seen. */}
        <b key={tag.count} className={samples.length > 1 ? 'tag-count flash' : 'tag-count'}>
          {formatCount(tag.count, lang)}
        </b>
        <Sparkline
          samples={samples}
          label={t('tags.spark', { minutes, from: formatCount(first, lang), to: formatCount(tag.count, lang) })}
        />
      </div>
      <div className="tag-foot small">
        <span className={moved > 0 ? 'up' : moved < 0 ? 'down' : 'muted'}>
          {moved === 0 ? t('tags.noChange', { minutes }) : t('tags.change', { minutes, change: `${sign}${formatCount(moved, lang)}` })}
        </span>
        {tag.anonymous > 0 && <span className="muted">{t('tags.anonymous', { count: formatCount(tag.anonymous, lang) })}</span>}
      </div>
      {by && <TagSplit tag={tag} by={by} nameOf={nameOf} onPlace={onMembers} />}
    </article>
  )
})
