// Where the lines and words of a chart's axes stand, for both of its drawings: Sketch.vue and plot.ts. Pure.
import { unitName } from './say'
import { ticks } from './zone'

/** Room around the drawing, and the least distances of two ticks, in px. */
export const room = { top: 12, right: 22, bottom: 28, between: { times: 64, values: 34 } }

/** Distances of the times at the axis, in seconds: whole minutes, which is what is written there. */
const steps = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000, 2_592_000]

/** The times of an axis so many px wide, in ms. */
export function times(from: number, to: number, px: number, zone: string): number[] {
  const step = steps.find((s) => (s * 1000 * px) / (to - from) >= room.between.times) ?? steps[steps.length - 1]!
  return ticks(from, to, step * 1000, zone)
}

/** Round values of an axis so many px high: 1, 2, 2.5 or 5 times a power of ten apart. */
export function amounts(low: number, high: number, px: number): number[] {
  const least = ((high - low) * room.between.values) / Math.max(px, 1)
  if (!(least > 0)) return [low]
  const ten = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 2.5, 5, 10].find((n) => n * ten >= least)! * ten
  const all: number[] = []
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) all.push(+(n * step).toPrecision(12))
  return all
}

/** The numbers at the axis with the same decimals; the unit stands once, at the top. */
export function withUnit(values: number[], unit: string): string[] {
  const digits = Math.max(0, ...values.map((v) => String(+v.toFixed(6)).split('.')[1]?.length ?? 0))
  return values.map((v, n) => v.toFixed(digits) + (unit && n === values.length - 1 ? ` ${unitName(unit)}` : ''))
}

/** How wide the column of such words is, in px at 12 px. */
export const column = (words: string[]) => 14 + 7.2 * Math.max(2, ...words.map((text) => [...text].reduce((sum, c) => sum + (c > '\u2e80' ? 1.7 : 1), 0)))
