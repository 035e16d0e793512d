import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import type { i18n } from 'i18next'
import { useState } from 'react'
import { I18nextProvider } from 'react-i18next'
import { ApiError, OFFLINE } from '../api/client'
import { BoardProvider } from '../live/BoardProvider'
import { InboxProvider } from '../live/InboxProvider'
import { ClockProvider } from '../parts/ClockProvider'
import { ErrorBoundary } from '../parts/ErrorBoundary'
import { Loading, Trouble } from '../parts/states'
import { Login } from './Login'
import { RouterProvider } from './router'
import { SessionProvider, useSession } from './session'
import { Shell } from './Shell'
import { LookProvider } from './theme'

// Only what may pass by itself is asked again: no answer, or a server that is busy.
function worthRetrying(failures: number, error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  return failures < 3 && (error.status === OFFLINE || error.status === 429 || error.status >= 502)
}

export function App({ i18n }: { i18n: i18n }) {
  const [client] = useState(
    () => new QueryClient({ defaultOptions: { queries: { retry: worthRetrying, staleTime: 5_000 } } }),
  )
  return (
    <I18nextProvider i18n={i18n}>
      <LookProvider>
        <ErrorBoundary>
          <QueryClientProvider client={client}>
            <SessionProvider>
              <RouterProvider>
                <Gate />
              </RouterProvider>
            </SessionProvider>
          </QueryClientProvider>
        </ErrorBoundary>
      </LookProvider>
    </I18nextProvider>
  )
}

function Gate() {
  const { phase, check } = useSession()
  if (phase === 'checking') return <Loading />
  if (phase === 'unreachable') return <Trouble error={new ApiError(OFFLINE, {})} onRetry={check} />
  if (phase === 'out') return <Login />
  return (
    <ClockProvider>
      <InboxProvider>
        <BoardProvider>
          <Shell />
        </BoardProvider>
      </InboxProvider>
    </ClockProvider>
  )
}
