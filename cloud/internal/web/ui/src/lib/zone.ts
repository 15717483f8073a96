// From what the clocks of a zone show to moments: fields of days and times, and the times of an axis. Pure.
import { parts } from './time'

const second = 1000

/** When a day, as a date field gives it ("2026-11-22"), begins in the zone, or the day that is `later` days after it; undefined
    for what is no day. The day of a change of the clock included: the zone is asked again at the moment found. */
export function dayStart(day: string | undefined, zone: string, later = 0): number | undefined {
  return inZone(/^\d{4}-\d\d-\d\d$/.test(day ?? '') ? Date.parse(`${day}T00:00:00Z`) + later * 86_400_000 : NaN, zone)
}

/** When it is in the zone what a field of day and time says ("2026-11-22T09:30"); undefined for what is no time. */
export function dayTime(text: string, zone: string): number | undefined {
  return inZone(/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? Date.parse(`${text.slice(0, 16)}:00Z`) : NaN, zone)
}

/** How far the clocks of the zone are ahead of UTC at a whole second, in ms. */
function ahead(at: number, zone: string): number {
  const p = parts(at, zone)
  return Date.UTC(+p.year, +p.month - 1, +p.day, +p.hour, +p.minute, +p.second) - at
}

function inZone(utc: number, zone: string): number | undefined {
  if (!Number.isFinite(utc)) return undefined
  const near = utc - ahead(utc, zone)
  return utc - ahead(near, zone)
}

/** The times of an axis from one moment to another, so many ms apart, counted from midnight in the zone: where its clocks
    change the steps keep their length. */
export function ticks(from: number, to: number, step: number, zone: string): number[] {
  const off = ahead(Math.ceil(from / second) * second, zone)
  const at: number[] = []
  for (let t = Math.ceil((from + off) / step) * step - off; t <= to; t += step) at.push(t)
  return at
}
