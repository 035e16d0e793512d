import i18next, { type i18n } from 'i18next'
import { initReactI18next, useTranslation } from 'react-i18next'
import type { Lang } from '../text/format'
import { en } from './en'
import { zh, type TextKey } from './zh'

export type { TextKey } from './zh'

const STORED = 'tagwire.lang'

export function storedLang(): Lang {
  return localStorage.getItem(STORED) === 'en' ? 'en' : 'zh'
}

// Keys contain dots, so the separators are off: every key is one flat name.
export async function makeI18n(lang: Lang): Promise<i18n> {
  const instance = i18next.createInstance()
  await instance.use(initReactI18next).init({
    lng: lang,
    fallbackLng: 'zh',
    keySeparator: false,
    nsSeparator: false,
    resources: { zh: { translation: zh }, en: { translation: en } },
    interpolation: { escapeValue: false },
  })
  return instance
}

export type Values = Record<string, string | number>
export type Say = (key: TextKey, values?: Values) => string

export interface Words {
  t: Say
  lang: Lang
  setLang: (lang: Lang) => void
  // maybe looks a key up that is built from data; undefined when there is no such text.
  maybe: (key: string) => string | undefined
}

export function useWords(): Words {
  const { t, i18n } = useTranslation()
  const lang: Lang = i18n.language === 'en' ? 'en' : 'zh'
  return {
    t: (key, values) => t(key, values ?? {}),
    lang,
    setLang: (next) => {
      localStorage.setItem(STORED, next)
      void i18n.changeLanguage(next)
    },
    maybe: (key) => (key in zh ? t(key) : undefined),
  }
}
