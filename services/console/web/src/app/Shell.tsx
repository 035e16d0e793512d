import { Suspense, useEffect, type ReactNode } from 'react'
import {
  AlertOutlined,
  AppstoreOutlined,
  CodeOutlined,
  DashboardOutlined,
  EllipsisOutlined,
  GlobalOutlined,
  LogoutOutlined,
  TagsOutlined,
  ThunderboltOutlined,
  UserOutlined,
} from '@ant-design/icons'
import { Badge, Button, Dropdown } from 'antd'
import { useInbox } from '../live/InboxProvider'
import { useWords } from '../i18n'
import { ErrorBoundary } from '../parts/ErrorBoundary'
import { Mark } from '../parts/Mark'
import { Loading } from '../parts/states'
import { Preferences } from './Preferences'
import { Link, useRouter } from './router'
import type { Page } from './routes'
import { useSession } from './session'
import { prefetchViews, views } from './views'

const PREFETCH_AFTER_MS = 1_500

const icons: Record<Page, ReactNode> = {
  overview: <DashboardOutlined />,
  tags: <TagsOutlined />,
  alerts: <AlertOutlined />,
  events: <ThunderboltOutlined />,
  profiles: <UserOutlined />,
  rules: <CodeOutlined />,
  definitions: <AppstoreOutlined />,
}

const WORK: Page[] = ['overview', 'tags', 'alerts', 'events', 'profiles']
const SETUP: Page[] = ['rules', 'definitions']
const THUMB: Page[] = ['alerts', 'tags', 'events', 'profiles']

export function Shell() {
  const { t } = useWords()
  const { route } = useRouter()
  const View = views[route.page]
  useEffect(() => {
    const timer = setTimeout(() => void prefetchViews(), PREFETCH_AFTER_MS)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <SideBar />
      <main id="content" className="content" tabIndex={-1}>
        <ErrorBoundary key={route.page}>
          <Suspense fallback={<Loading />}>
            <View />
          </Suspense>
        </ErrorBoundary>
      </main>
      <ThumbBar />
    </div>
  )
}

function NavLink({ page, className }: { page: Page; className: string }) {
  const { t } = useWords()
  const { route } = useRouter()
  const { open } = useInbox()
  const current = route.page === page
  return (
    <Link page={page} className={className} current={current}>
      <span className="nav-icon">{icons[page]}</span>
      <span className="nav-text">{t(`nav.${page}`)}</span>
      {page === 'alerts' && <Badge count={open} overflowCount={99} size="small" className="nav-badge" />}
    </Link>
  )
}

function SideBar() {
  const { t } = useWords()
  const { session, logout } = useSession()
  return (
    <div className="sidebar">
      <div className="brand">
        <Mark size={28} />
        <strong>{t('app.name')}</strong>
      </div>
      <nav aria-label={t('nav.main')}>
        {WORK.map((page) => (
          <NavLink key={page} page={page} className="nav-link" />
        ))}
        <hr />
        {SETUP.map((page) => (
          <NavLink key={page} page={page} className="nav-link" />
        ))}
      </nav>
      <div className="sidebar-foot">
        <Preferences />
        <div className="who">
          <span className="muted small">{session?.name || t('session.role', { role: session?.role ?? '' })}</span>
          <Button
            type="text"
            size="small"
            icon={<LogoutOutlined />}
            onClick={() => void logout()}
            aria-label={t('session.logout')}
            title={t('session.logout')}
          />
        </div>
      </div>
    </div>
  )
}

// On a phone the pages used most lie under the thumb; the rest is one tap away.
function ThumbBar() {
  const { t, lang, setLang } = useWords()
  const { go } = useRouter()
  const { logout } = useSession()
  const rest: Page[] = ['overview', ...SETUP]
  const items = [
    ...rest.map((page) => ({ key: page as string, icon: icons[page], label: t(`nav.${page}`) })),
    { key: '#lang', icon: <GlobalOutlined />, label: lang === 'zh' ? 'English' : '中文' },
    { key: '#out', icon: <LogoutOutlined />, label: t('session.logout') },
  ]
  const choose = (key: string) => {
    if (key === '#out') void logout()
    else if (key === '#lang') setLang(lang === 'zh' ? 'en' : 'zh')
    else go(key as Page)
  }
  return (
    <nav className="thumbbar" aria-label={t('nav.main')}>
      {THUMB.map((page) => (
        <NavLink key={page} page={page} className="thumb-link" />
      ))}
      <Dropdown trigger={['click']} placement="topRight" menu={{ items, onClick: ({ key }) => choose(key) }}>
        <button type="button" className="thumb-link">
          <span className="nav-icon">
            <EllipsisOutlined />
          </span>
          <span className="nav-text">{t('nav.more')}</span>
        </button>
      </Dropdown>
    </nav>
  )
}
