import { lazy, type ComponentType } from 'react'
import type { Page } from './routes'

type Module = { default: ComponentType }
type Loader = () => Promise<Module>

const loaders: Record<Page, Loader> = {
  overview: () => import('../pages/Overview'),
  tags: () => import('../pages/Tags'),
  alerts: () => import('../pages/Alerts'),
  events: () => import('../pages/Events'),
  profiles: () => import('../pages/Profiles'),
  rules: () => import('../pages/Rules'),
  definitions: () => import('../pages/Definitions'),
}

export const views: Record<Page, ComponentType> = {
  overview: lazy(loaders.overview),
  tags: lazy(loaders.tags),
  alerts: lazy(loaders.alerts),
  events: lazy(loaders.events),
  profiles: lazy(loaders.profiles),
  rules: lazy(loaders.rules),
  definitions: lazy(loaders.definitions),
}

// Once the first page stands, the others are fetched quietly: a server that restarts or is upgraded
// later does not leave an open tab with links that lead nowhere.
export async function prefetchViews(): Promise<void> {
  for (const load of Object.values(loaders)) {
    try {
      await load()
    } catch {
      // It is asked for again when somebody opens that page.
      return
    }
  }
}
