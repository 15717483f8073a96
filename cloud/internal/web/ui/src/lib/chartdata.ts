// Turns a series of the API into what the chart draws. Pure. A gap is a hole in the line, never a joined line, never 0.
import type { Series, Span } from './types'

export interface Mark extends Span { quality: 'bad' | 'uncertain' }

export interface ChartData {
  x: number[] // seconds
  low: (number | null)[]
  high: (number | null)[]
  gaps: Span[] // milliseconds, sorted, inside the window
  marks: Mark[] // bad readings among merged ones, and uncertain ones
  min?: number
  max?: number
}

/** What a chart draws: unit and point give its vertical axis, limit a threshold with its label; stepped: states rather than amounts. */
export interface PlotModel { data: ChartData; from: number; to: number; unit: string; point: string; limit?: number; limitLabel?: string; alert?: Span; stepped?: boolean }

export function chartData(s: Pick<Series, 'from' | 'to' | 'points' | 'gaps' | 'bad' | 'uncertain'>): ChartData {
  const points = [...s.points].sort((a, b) => a[0] - b[0])
  const gaps = clip(s.gaps, s.from, s.to)
  const bad = clip(s.bad, s.from, s.to).filter((b) => !gaps.some((g) => g.from <= b.from && b.to <= g.to))
  const marks = [...bad.map((m) => ({ ...m, quality: 'bad' as const })), ...clip(s.uncertain, s.from, s.to).map((m) => ({ ...m, quality: 'uncertain' as const }))]
  const data: ChartData = { x: [], low: [], high: [], gaps, marks }
  let next = 0, before = -Infinity
  const hole = (t: number) => { data.x.push(t / 1000); data.low.push(null); data.high.push(null) }
  // A gap often begins at the very time of the last good point: the hole comes after that point, before the next.
  for (const [t, low, high] of points) {
    for (; next < gaps.length && gaps[next]!.from < t; next++) hole(Math.max(gaps[next]!.from, before) + 0.5)
    before = t
    if (!Number.isFinite(low) || !Number.isFinite(high)) { hole(t); continue }
    data.x.push(t / 1000)
    data.low.push(low)
    data.high.push(high)
    data.min = Math.min(data.min ?? low, low)
    data.max = Math.max(data.max ?? high, high)
  }
  for (; next < gaps.length; next++) hole(Math.max(gaps[next]!.from, before) + 0.5)
  return data
}

/** Whether points, in ms, are about one merge step apart (a series has 600 at most): between others nothing was merged, and
    what lies between their extremes is not filled. */
export const near = (from: number, to: number, a: number, b: number) => b - a <= (to - from) / 200

function clip(spans: Span[] | undefined, from: number, to: number): Span[] {
  return (spans ?? [])
    .map((g) => ({ ...g, from: Math.max(from, g.from), to: Math.min(to, g.to) }))
    .filter((g) => g.to >= g.from)
    .sort((a, b) => a.from - b.from)
}

/** The span that covers a time, if any. */
export const covering = <S extends Span>(spans: S[], t: number): S | undefined => spans.find((g) => g.from <= t && t <= g.to)

const free = new Set(['V', 'Hz', '°C']) // what is never near zero

/** The vertical range: from 0 for amounts, around the values where zero would flatten them; the limit always inside. */
export function yRange(min: number | undefined, max: number | undefined, unit: string, limit?: number): [number, number] {
  const low = Math.min(min ?? limit ?? 0, limit ?? Infinity), high = Math.max(max ?? limit ?? 1, limit ?? -Infinity)
  if (free.has(unit) && min !== undefined) {
    const room = Math.max((high - low) * 0.15, unit === 'Hz' ? 0.1 : 1)
    return [low - room, high + room]
  }
  const top = Math.max(high * 1.15, unit === '' ? 1.2 : 1)
  return [low < 0 ? low * 1.15 : 0, top]
}

/** A value from before the newest one: history that an outage held back. */
export const isLate = (s: Series, p: { at: number }) => p.at < (s.points[s.points.length - 1]?.[0] ?? s.from)

/** Puts a late value where it belongs; the newest stays the newest. A gap ends before it and goes on behind it. */
function filled(s: Series, p: { at: number; value: number | null; quality: string }): Series {
  const next = s.points.findIndex((q) => q[0] >= p.at)
  if (p.at < s.from || p.quality === 'bad' || p.value === null || s.points[next]?.[0] === p.at) return s
  const points = [...s.points]
  points.splice(next, 0, [p.at, p.value, p.value])
  const gaps = s.gaps.flatMap((g) => (g.from < p.at && p.at < g.to ? [{ ...g, to: p.at }, { ...g, from: p.at }] : [g]))
  return { ...s, points, gaps }
}

/** Adds what the live stream brought: the window moves on, its length stays. Bad values begin or prolong a gap. */
export function extended(s: Series, p: { at: number; value: number | null; quality: string; reason?: string }): Series {
  const last = s.points[s.points.length - 1]
  if (isLate(s, p)) return filled(s, p)
  if (p.at === (last?.[0] ?? s.from)) return s
  const move = Math.max(0, p.at - s.to)
  const from = s.from + move
  // The last point before the window stays: the line comes in from there.
  const next: Series = { ...s, from, to: s.to + move, points: s.points.filter((q, n) => q[0] >= from || (s.points[n + 1]?.[0] ?? p.at) >= from), gaps: [...s.gaps] }
  if (p.quality !== 'bad' && p.value !== null) {
    next.points.push([p.at, p.value, p.value])
    return next
  }
  const open = next.gaps[next.gaps.length - 1]
  if (open && open.from > (last?.[0] ?? 0)) next.gaps[next.gaps.length - 1] = { ...open, to: Math.max(open.to, p.at) }
  else next.gaps.push({ from: last ? last[0] + 1 : p.at, to: p.at, reason: p.reason })
  return next
}
