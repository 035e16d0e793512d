import { CheckOutlined, CloseOutlined } from '@ant-design/icons'
import type { ConditionTree } from '../api/types'
import { useWords } from '../i18n'
import { formatMeasure, formatTime } from '../text/format'
import { branches, namedValues } from './treeLines'

const heads: Record<string, 'profile.all' | 'profile.any' | 'profile.none' | 'profile.if'> = {
  and: 'profile.all',
  or: 'profile.any',
  not: 'profile.none',
  if: 'profile.if',
}

// A condition as nested lines: whether each part holds, and the values it was judged by.
export function ConditionTreeView({ tree, tag }: { tree: ConditionTree; tag?: string }) {
  const { t } = useWords()
  return (
    <>
      {tag && <h4 className="tree-tag">{tag}</h4>}
      <ul className="condition-tree" aria-label={t('profile.tree')}>
        <Line tree={tree} />
      </ul>
    </>
  )
}

function Line({ tree }: { tree: ConditionTree }) {
  const { t, lang } = useWords()
  const parts = branches(tree)
  const head = heads[tree.op ?? '']
  return (
    <li>
      <div className={tree.holds ? 'tree-line on' : 'tree-line off'}>
        {tree.holds !== undefined &&
          (tree.holds ? <CheckOutlined aria-label={t('common.yes')} /> : <CloseOutlined aria-label={t('common.no')} />)}
        {parts.length > 0 && head ? <span>{t(head)}</span> : <code>{tree.text}</code>}
        {parts.length === 0 &&
          namedValues(tree).map((v) => (
            <span className="tree-value" key={v.text}>
              {v.text} = <b>{v.value === undefined || v.value === null ? t('profile.missing') : (v.atLeast ? '≥' : '') + formatMeasure(v.value, lang)}</b>
            </span>
          ))}
        {parts.length === 0 && tree.next && <span className="tree-next">{t('profile.next', { time: formatTime(tree.next, lang) })}</span>}
      </div>
      {parts.length > 0 && (
        <ul>
          {parts.map((part, i) => (
            <Line key={i} tree={part} />
          ))}
        </ul>
      )}
    </li>
  )
}
