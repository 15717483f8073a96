// Values, times and levels as the pages write them: the pure helpers with the words of the reader.
import { t, word } from './i18n'
import { now } from './live'
import { number } from './number'
import { session } from './session'
import { amount, hourMinuteSecond, stopwatch, when } from './time'
import type { Incident } from './types'

export const forAmount = (ms: number) => { const a = amount(ms); return t(`time.${a.unit}`, { n: a.n }) }
/** 4:10, from ten minutes on 12 min. */
export const forElapsed = (ms: number) => stopwatch(ms) ?? forAmount(ms)
export const ago = (at: number) => (!at ? t('value.never') : now.value - at < 1000 ? t('value.now') : t('value.ago', { for: forAmount(now.value - at) }))
export const atTime = (at: number) => when(at, now.value, session.zone)
export const atSecond = (at: number) => hourMinuteSecond(at, session.zone)

export const unitName = (unit: string) => word(`unit.${unit}`) ?? unit

const forSpan = (s: number) => t('time.minsec', { m: Math.floor(s / 60), s: Math.floor(s) % 60 })

/** A value split into number and unit, "—" when there is none; states by their name. */
export function valueParts(point: string, value: number | null | undefined, unit: string, label?: string): { text: string; unit: string } {
  if (value === null || value === undefined || !Number.isFinite(value)) return { text: t('value.none'), unit: '' }
  const state = word(`state.${point}.${value}`) ?? label
  if (state) return { text: state, unit: '' }
  if (unit === 's' && Math.abs(value) >= 60) return { text: value < 3600 ? forSpan(value) : forAmount(value * 1000), unit: '' }
  if (unit === 'MiB' && Math.abs(value) >= 1024) return { text: (value / 1024).toFixed(1), unit: 'GiB' }
  return { text: number(value, unit) ?? t('value.none'), unit: unitName(unit) }
}

export function valueText(point: string, value: number | null | undefined, unit: string, label?: string): string {
  const parts = valueParts(point, value, unit, label)
  return parts.unit ? `${parts.text} ${parts.unit}` : parts.text
}

/** Why nobody is told of it, where that is not its own rule. */
export const shelfText = (i: Incident) => (i.snooze ? t('level.snooze', { at: atTime(i.snooze.until) }) : i.window ? t('level.window') : undefined)

/** "≥25 %LEL": from which value on the rule fires. */
export function limitText(v: NonNullable<Incident['value']>): string | undefined {
  if (v.limit === undefined) return undefined
  return (v.above === false ? '≤ ' : '≥ ') + valueText('', v.limit, v.unit)
}
