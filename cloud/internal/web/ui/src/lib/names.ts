// Points, reasons, lines of a timeline and trust in a value, as pages of devices and alerts write them.
import { say } from '../words/names'
import { now } from './live'
import { stale } from './time'
import type { PointValue } from './types'
import { say as common } from '../words/common'

export const pointName = (point: string) => say.word(`point.${point}`) ?? point
export const reasonName = (reason?: string) => (reason ? say.word(`reason.${reason}`) ?? reason : '')

export const kindName = (kind: string) => common.word(`kind.${kind}`) ?? common('kind.other')

/** The word of a timeline's line; one for all that a newer cloud writes and this page does not know. */
export const stepName = (kind: string) => common.word(`step.${kind}`) ?? common('step.other')

/** How far a value can be trusted right now: the server's word, but never good when it is overdue. */
export function trust(p: PointValue): { level: 'good' | 'uncertain' | 'bad' | 'stale'; word: string } {
  if (!p.at) return { level: 'bad', word: common('quality.bad') }
  if (p.quality === 'bad') return { level: 'bad', word: reasonName(p.reason) || common('quality.bad') }
  if (stale(p.at, p.pollMs, now.value, p.reportMs)) return { level: 'stale', word: common('stale.why') }
  if (p.quality === 'uncertain') return { level: 'uncertain', word: [common('quality.uncertain'), reasonName(p.reason)].filter(Boolean).join(' · ') }
  return { level: 'good', word: common('quality.good') }
}
