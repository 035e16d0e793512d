import type { IdentityConflict } from '../api/types'
import { Link } from '../app/router'
import { useWords } from '../i18n'
import { namespaceName } from '../i18n/names'
import { Panel } from '../parts/states'
import { formatTime, splitIdentity } from '../text/format'
import { identityValue } from '../text/identity'

// What did not become one customer, and why: someone has to know before he trusts the numbers of either.
export function Conflicts({ conflicts }: { conflicts: IdentityConflict[] }) {
  const { t } = useWords()
  const parted = conflicts.filter((c) => c.kind === 'parted')
  const open = conflicts.filter((c) => c.kind !== 'parted')
  return (
    <>
      <List title={t('conflict.title')} conflicts={open} />
      <List title={t('conflict.partedTitle')} conflicts={parted} />
    </>
  )
}

function List({ title, conflicts }: { title: string; conflicts: IdentityConflict[] }) {
  if (conflicts.length === 0) return null
  return (
    <Panel title={`${title} ${conflicts.length}`}>
      <ul className="conflicts">
        {conflicts.map((conflict) => (
          <Conflict key={`${conflict.kind}/${conflict.identity ?? ''}/${conflict.with.join()}`} conflict={conflict} />
        ))}
      </ul>
    </Panel>
  )
}

function Conflict({ conflict }: { conflict: IdentityConflict }) {
  const { t, lang } = useWords()
  const { namespace, value } = splitIdentity(conflict.identity ?? '')
  return (
    <li>
      {conflict.kind === 'parted' ? (
        <p className="muted small">{t('conflict.parted')}</p>
      ) : (
        <p className="warn small">{conflict.kind === 'shared' ? t('conflict.shared', { namespace: namespaceName(namespace, lang) }) : t('conflict.unique')}</p>
      )}
      {value && <code className="small" title={value}>{identityValue(value)}</code>}
      {conflict.with.length > 0 && (
        <p className="small">
          {t('conflict.with')}{' '}
          {conflict.with.map((id) => (
            <Link key={id} page="profiles" rest={id} className="conflict-link">
              {id}
            </Link>
          ))}
        </p>
      )}
      {conflict.since && <p className="muted small">{t(conflict.kind === 'parted' ? 'conflict.partedAt' : 'conflict.since', { time: formatTime(conflict.since, lang) })}</p>}
    </li>
  )
}
