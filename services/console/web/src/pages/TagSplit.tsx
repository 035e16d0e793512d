import type { Dimension, TagCount } from '../api/types'
import { useWords } from '../i18n'
import { topShares } from '../live/board'
import { formatCount } from '../text/format'

const SHOWN = 5

export interface Place {
  dimension: Dimension
  value: string
  name: string
}

interface TagSplitProps {
  tag: TagCount
  by: Dimension
  nameOf: (value: string) => string
  onPlace: (tag: string, place: Place) => void
}

// A tag's count by the values of a dimension, the largest first. A customer may stand in several, so the bars are
// shares of the tag's customers and need not add up.
export function TagSplit({ tag, by, nameOf, onPlace }: TagSplitProps) {
  const { t, lang } = useWords()
  if (!tag.by) return null
  const { shares, rest } = topShares(tag.by, SHOWN)
  if (shares.length === 0) return <p className="tag-split-note muted small">{t('tags.by.empty')}</p>
  return (
    <ul className="tag-split small">
      {shares.map(({ value, count }) => (
        <li key={value}>
          <button
            type="button"
            className="tag-name"
            title={t('tags.by.open', { tag: tag.tag, place: nameOf(value) })}
            onClick={() => onPlace(tag.tag, { dimension: by, value, name: nameOf(value) })}
          >
            {nameOf(value)}
          </button>
          <i aria-hidden="true">
            <i style={{ width: `${Math.min(100, (100 * count) / Math.max(1, tag.count))}%` }} />
          </i>
          <b>{formatCount(count, lang)}</b>
        </li>
      ))}
      {rest > 0 && <li className="muted">{t('tags.by.rest', { count: formatCount(rest, lang) })}</li>}
    </ul>
  )
}
