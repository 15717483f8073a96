// Points, reasons and trust in a value, as pages of devices and alerts write them.
import { say } from '../words/names'
import { t } from './i18n'
import { now } from './live'
import { stale } from './time'
import type { PointValue } from './types'

export const pointName = (point: string) => say.word(`point.${point}`) ?? point
export const reasonName = (reason?: string) => (reason ? say.word(`reason.${reason}`) ?? reason : '')

/** How far a value can be trusted right now: the server's word, but never good when it is overdue. */
export function trust(p: PointValue): { level: 'good' | 'uncertain' | 'bad' | 'stale'; word: string } {
  if (!p.at) return { level: 'bad', word: t('quality.bad') }
  if (p.quality === 'bad') return { level: 'bad', word: reasonName(p.reason) || t('quality.bad') }
  if (stale(p.at, p.pollMs, now.value, p.reportMs)) return { level: 'stale', word: t('stale.why') }
  if (p.quality === 'uncertain') return { level: 'uncertain', word: [t('quality.uncertain'), reasonName(p.reason)].filter(Boolean).join(' · ') }
  return { level: 'good', word: t('quality.good') }
}
