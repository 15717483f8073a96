// The days of a shift or patrol as people say them; what a file of the organisation may write is in org/shift/parse.go. Pure.
import type { Lang } from './types'

const order = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const words: Record<Lang, { daily: string; weekend: string; names: string[]; to: string; except: string; and: string }> = {
  zh: { daily: '每天', weekend: '周末', names: ['周一', '周二', '周三', '周四', '周五', '周六', '周日'], to: '至', except: '除 ', and: '、' },
  en: { daily: 'daily', weekend: 'weekends', names: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'], to: '–', except: 'not ', and: ', ' },
}

/** "mon-fri !2026-10-01" → 周一至周五、除 2026-10-01. What is no such word stays as it is written. */
export function daysText(days: string, lang: Lang): string {
  const w = words[lang]
  const one = (token: string): string => {
    if (token.startsWith('!')) return w.except + one(token.slice(1))
    const low = token.toLowerCase()
    if (low === 'daily' || token === '每天') return w.daily
    if (low === 'weekend' || token === '周末') return w.weekend
    const [from, to, more] = low.split('-').map((d) => order.indexOf(d))
    if (from === undefined || from < 0 || more !== undefined) return token.replace('..', ` ${w.to} `)
    if (to === undefined) return w.names[from]!
    return to < 0 ? token : from === 5 && to === 6 ? w.weekend : `${w.names[from]}${w.to}${w.names[to]}`
  }
  return days.trim().split(/\s+/).filter(Boolean).map(one).join(w.and) || w.daily
}

/** "08:30-08:30" is a whole day. */
export const hoursText = (hours: string) => hours.split(',').map((h) => h.trim().replace('-', '–')).join(' · ')
