import { words } from '../lib/i18n'

/** What stands above data that could not be read again. */
export const say = words({
  zh: { 'old': '下面是 {at} 读到的，可能已经过时。' },
  en: { 'old': 'Below is what was read at {at}; it may be out of date.' },
})
