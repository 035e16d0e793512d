import type { Lang } from './format'

// The server says each error twice, "Chinese / English"; a person wants to read one of them.
export function inLanguage(text: string | undefined, lang: Lang): string {
  if (!text) return ''
  const cut = text.indexOf(' / ')
  if (cut < 0 || !/\p{Script=Han}/u.test(text.slice(0, cut))) return text
  return lang === 'zh' ? text.slice(0, cut) : text.slice(cut + 3)
}
