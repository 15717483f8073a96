// Marks between words that are put together at run time: Chinese ones are not for English.
import { lang } from './i18n'

/** Several sentences or phrases in a line. */
export const listed = (parts: string[]) => parts.join(lang.value === 'zh' ? '；' : '; ')
/** What stands behind a word of which something is said. */
export const colon = () => (lang.value === 'zh' ? '：' : ': ')
/** Something by the way. */
export const aside = (text: string) => (lang.value === 'zh' ? `（${text}）` : ` (${text})`)
