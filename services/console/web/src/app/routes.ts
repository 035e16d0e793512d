// The addresses of the page. web.go answers index.html for exactly these first segments (a test compares them),
// so that a mistyped API path stays a 404 and never turns into a page.
export const PAGES = ['overview', 'tags', 'alerts', 'events', 'profiles', 'rules', 'definitions'] as const
export type Page = (typeof PAGES)[number]

export interface Route {
  page: Page
  // What follows the page: a profile's id, a kind of definition.
  rest: string
}

export function parsePath(pathname: string): Route {
  const [, first = '', ...others] = pathname.split('/')
  const page = PAGES.find((p) => p === first) ?? 'overview'
  return { page, rest: decode(others.join('/')) }
}

export function pathTo(page: Page, rest = ''): string {
  if (page === 'overview') return '/'
  return rest ? `/${page}/${encodeURIComponent(rest)}` : `/${page}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
