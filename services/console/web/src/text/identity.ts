import type { Identity } from '../api/types'
import { namespaceName } from '../i18n/names'
import { splitIdentity, type Lang } from './format'

// Phone numbers and addresses are kept as keyed hashes, which nobody can read: their ends tell one from another.
export function identityValue(value: string): string {
  return /^[0-9a-f]{32}$/.test(value) ? `${value.slice(0, 4)}…${value.slice(-4)}` : value
}

export function identityText(identity: Identity, lang: Lang): string {
  const { namespace, value } = splitIdentity(identity)
  const sign = lang === 'zh' ? '：' : ': '
  return namespace ? `${namespaceName(namespace, lang)}${sign}${identityValue(value)}` : value
}
