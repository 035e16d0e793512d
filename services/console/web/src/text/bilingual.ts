import type { Lang } from './format'

// The server says each error twice, "Chinese / English"; a person wants to read one of them.
export function inLanguage(text: string | undefined, lang: Lang): string {
  if (!text) return ''
  const cuts = [...text.matchAll(/ \/ /g)].map((m) => m.index)
  // A name with the sign in it stands in both halves: the one in the middle parts them.
  const cut = cuts.length % 2 === 1 ? cuts[(cuts.length - 1) / 2]! : (cuts[0] ?? -1)
  if (cut < 0 || !/\p{Script=Han}/u.test(text.slice(0, cut))) return text
  return lang === 'zh' ? text.slice(0, cut) : text.slice(cut + 3)
}
