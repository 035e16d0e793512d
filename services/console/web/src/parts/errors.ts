import { ApiError, OFFLINE } from '../api/client'
import { useWords, type Say } from '../i18n'

// Every refusal in words a person can act on; the server's own detail only where nothing better is known.
export function errorText(t: Say, error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error)
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
      return t('error.conflict')
    case 429:
    case 503:
      return t('error.busy')
    default:
      return error.status < 500 && error.problem.detail
        ? error.problem.detail
        : t('error.server', { status: error.status, detail: error.message })
  }
}

export function useErrorText(): (error: unknown) => string {
  const { t } = useWords()
  return (error) => errorText(t, error)
}
