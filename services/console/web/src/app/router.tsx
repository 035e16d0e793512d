import { createContext, useCallback, useContext, useEffect, useMemo, useState, type MouseEvent, type ReactNode } from 'react'
import { parsePath, pathTo, type Page, type Route } from './routes'

interface Router {
  route: Route
  go: (page: Page, rest?: string) => void
  // replace corrects the address without a step in the history.
  replace: (page: Page, rest?: string) => void
}

const RouterContext = createContext<Router | null>(null)

export function RouterProvider({ children }: { children: ReactNode }) {
  const [route, setRoute] = useState(() => parsePath(location.pathname))
  useEffect(() => {
    const update = () => setRoute(parsePath(location.pathname))
    addEventListener('popstate', update)
    return () => removeEventListener('popstate', update)
  }, [])
  const go = useCallback((page: Page, rest?: string) => {
    const path = pathTo(page, rest)
    if (path !== location.pathname) history.pushState(null, '', path)
    setRoute(parsePath(path))
    scrollTo(0, 0)
  }, [])
  const replace = useCallback((page: Page, rest?: string) => {
    const path = pathTo(page, rest)
    history.replaceState(null, '', path)
    setRoute(parsePath(path))
  }, [])
  const value = useMemo(() => ({ route, go, replace }), [route, go, replace])
  return <RouterContext.Provider value={value}>{children}</RouterContext.Provider>
}

export function useRouter(): Router {
  const router = useContext(RouterContext)
  if (!router) throw new Error('useRouter outside RouterProvider')
  return router
}

interface LinkProps {
  page: Page
  rest?: string
  className?: string
  current?: boolean
  label?: string
  children: ReactNode
}

// A real link: opening it in a new tab works, a plain click stays in the page.
export function Link({ page, rest, className, current, label, children }: LinkProps) {
  const { go } = useRouter()
  const click = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
    e.preventDefault()
    go(page, rest)
  }
  return (
    <a href={pathTo(page, rest)} className={className} onClick={click} aria-current={current ? 'page' : undefined} aria-label={label}>
      {children}
    </a>
  )
}
