// Words in the language of the reader. Keys are typed: a word that does not exist does not compile.
import { ref, watch } from 'vue'
import { zh, type Key } from '../words/zh'
import type { Shared } from '../words/shared'
import { fill } from './fill'
import type { Lang, Text } from './types'

/** The words of the first view. Chinese comes with the pages; another language is read when somebody reads it. */

const all: Record<Lang, Record<Key, string>> = { zh, en: zh }
const packs = { en: () => import('../words/en').then((m) => m.en) }

/** The words that an alert and many other pages need, in the languages that were read. They are read when the first such page is. */
const shared: Partial<Record<Lang, Shared>> = {}
const sharedPacks: Record<Lang, () => Promise<Shared>> = { zh: () => import('../words/shared.zh').then((m) => m.sharedZh), en: () => import('../words/shared.en').then((m) => m.sharedEn) }
let sharing = false

/** Reads the words of a language; when those of the first view cannot be read, those of Chinese stand in. */
async function ready(which: Lang): Promise<boolean> {
  try {
    if (which === 'en' && all.en === zh) all.en = await packs.en()
    if (sharing) await sharedReady(which)
  } catch { return false }
  return true
}

/** The shared words are there; fails when they cannot be read. Before anybody wants them it is done at once. */
export async function sharedReady(which = lang.value) {
  if (sharing) shared[which] ??= await sharedPacks[which]()
}

/** Begins to read the shared words: a page will want them. */
export function wantShared() {
  sharing = true
  sharedReady().catch(() => undefined) // whoever waits for them tries again
}

function initial(): Lang {
  const kept = localStorage.getItem('lang')
  if (kept === 'zh' || kept === 'en') return kept
  return /^zh/i.test(navigator.language) ? 'zh' : 'en'
}

/** The language of the pages; kept over visits. */
export const lang = ref<Lang>(initial())

watch(lang, (now) => { document.documentElement.lang = now === 'zh' ? 'zh-CN' : 'en' }, { immediate: true })

/** The words of the reader's language are there: wait for it before anything is shown. */
export const wordsReady = () => ready(lang.value)

export async function setLang(to: Lang) {
  if (!await ready(to)) return
  lang.value = to
  localStorage.setItem('lang', to)
}

/** The sentence of a key with its {names} filled in. */
export function t(key: Key, args?: Record<string, string | number>): string {
  return fill(all[lang.value][key], args)
}

/** The word of a key put together at run time, or undefined when there is none. */
export function word(key: string): string | undefined {
  return key in zh ? all[lang.value][key as Key] : undefined
}

/** The text in the reader's language; the other one when the server has only that. */
export function pick(text: Text | undefined): string {
  return text ? text[lang.value] || text.zh || text.en || '' : ''
}

/** The words of one area, which come with its pages: en has exactly the keys of zh, which the compiler sees to. */
export function words<K extends string>(both: { zh: Record<K, string>; en: Record<NoInfer<K>, string> }) {
  const say = (key: K, args?: Record<string, string | number>): string => fill(both[lang.value][key], args)
  return Object.assign(say, {
    both,
    /** The word of a key put together at run time, or undefined when there is none. */
    word: (key: string): string | undefined => (key in both.zh ? both[lang.value][key as K] : undefined),
  })
}

/** The shared words of one area; a page that has them in its script is shown when they are there (later.ts). */
export function sharedWords<A extends keyof Shared>(area: A) {
  wantShared()
  const word = (key: string): string | undefined => (shared[lang.value]?.[area] as Record<string, string> | undefined)?.[key]
  const say = (key: keyof Shared[A] & string, args?: Record<string, string | number>): string => fill(word(key) ?? '', args)
  return Object.assign(say, { word })
}
