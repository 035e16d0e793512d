import { ApiError, OFFLINE } from '../api/client'
import { useWords, type Say } from '../i18n'
import type { Lang } from '../text/format'
import { inLanguage } from '../text/bilingual'

// Every refusal in words a person can act on; the server's own detail only where nothing better is known.
export function errorText(t: Say, lang: Lang, error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error)
  const { code, needs } = error.problem
  const detail = inLanguage(error.problem.detail, lang)
  if (code === 'needs_history') return t('rules.needsHistory', { needs: (needs ?? []).join(lang === 'zh' ? '、' : ', ') })
  switch (error.status) {
    case OFFLINE:
      return t('error.offline')
    case 401:
      return t('login.ended')
    case 403:
      return t('error.forbidden')
    case 404:
      return t('error.notFound')
    case 409:
    case 412:
      // A clash of versions has its own text; other refusals of the same kind explain themselves.
      return detail && code && code !== 'conflict' ? detail : t('error.conflict')
    case 429:
    case 503:
      return t('error.busy')
    default:
      return error.status < 500 && detail
        ? detail
        : t('error.server', { status: error.status, detail: detail || error.message })
  }
}

export function useErrorText(): (error: unknown) => string {
  const { t, lang } = useWords()
  return (error) => errorText(t, lang, error)
}
