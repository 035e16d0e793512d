import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { App as AntApp, ConfigProvider, theme as antTheme, type ThemeConfig } from 'antd'
import enUS from 'antd/locale/en_US'
import zhCN from 'antd/locale/zh_CN'
import { useWords } from '../i18n'

export type ThemeChoice = 'auto' | 'light' | 'dark'

const STORED = 'tagwire.theme'

interface Look {
  choice: ThemeChoice
  dark: boolean
  choose: (choice: ThemeChoice) => void
}

const LookContext = createContext<Look | null>(null)

function storedChoice(): ThemeChoice {
  const stored = localStorage.getItem(STORED)
  return stored === 'light' || stored === 'dark' ? stored : 'auto'
}

function useSystemDark(): boolean {
  const query = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), [])
  const [dark, setDark] = useState(query.matches)
  useEffect(() => {
    const update = () => setDark(query.matches)
    query.addEventListener('change', update)
    return () => query.removeEventListener('change', update)
  }, [query])
  return dark
}

// The same palette as styles.css, as antd needs plain colours to derive its own from.
function antConfig(dark: boolean): ThemeConfig {
  return {
    algorithm: dark ? antTheme.darkAlgorithm : antTheme.defaultAlgorithm,
    cssVar: {},
    token: {
      colorPrimary: dark ? '#56c7b4' : '#0b6b5e',
      colorInfo: dark ? '#56c7b4' : '#0b6b5e',
      colorLink: dark ? '#56c7b4' : '#0b6b5e',
      colorBgBase: dark ? '#111816' : '#ffffff',
      colorTextBase: dark ? '#e4ebe8' : '#17211e',
      colorBgLayout: 'transparent',
      colorError: dark ? '#ff8f76' : '#b93217',
      ...(dark && { colorBgContainer: '#131b19', colorBgElevated: '#19221f' }),
      colorInfoBg: dark ? '#16332d' : '#e0f0ec',
      colorInfoBorder: dark ? '#26554b' : '#b4d9d0',
      borderRadius: 8,
      fontFamily: 'var(--font)',
      motion: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    },
    components: {
      Button: { primaryShadow: 'none', defaultShadow: 'none', ...(dark && { primaryColor: '#06231f' }) },
      Badge: { colorError: '#b93217' },
      Checkbox: { borderRadiusSM: 4 },
      Segmented: { trackBg: 'var(--track)', itemSelectedBg: 'var(--surface)' },
    },
  }
}

export function LookProvider({ children }: { children: ReactNode }) {
  const [choice, setChoice] = useState(storedChoice)
  const system = useSystemDark()
  const { lang } = useWords()
  const dark = choice === 'auto' ? system : choice === 'dark'
  useEffect(() => {
    document.documentElement.dataset.theme = dark ? 'dark' : 'light'
    document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en'
  }, [dark, lang])
  const look = useMemo<Look>(
    () => ({
      choice,
      dark,
      choose: (next) => {
        localStorage.setItem(STORED, next)
        setChoice(next)
      },
    }),
    [choice, dark],
  )
  const config = useMemo(() => antConfig(dark), [dark])
  return (
    <LookContext.Provider value={look}>
      <ConfigProvider theme={config} locale={lang === 'zh' ? zhCN : enUS} button={{ autoInsertSpace: false }}>
        <AntApp className="app-root">{children}</AntApp>
      </ConfigProvider>
    </LookContext.Provider>
  )
}

export function useLook(): Look {
  const look = useContext(LookContext)
  if (!look) throw new Error('useLook outside LookProvider')
  return look
}
