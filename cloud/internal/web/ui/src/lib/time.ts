// Times for people: elapsed times, ages, clocks. Pure functions; the words come in, the time zone too.

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const oneDay = 24 * hour

/** A whole number of one unit, for a sentence: { n: 12, unit: 'min' }. */
export interface Amount { n: number; unit: 's' | 'min' | 'h' | 'd' }

/** The largest unit that fits, rounded down: 59 s, 12 min, 3 h, 2 d. Negative times count as 0 s. */
export function amount(ms: number): Amount {
  const safe = Math.max(0, Number.isFinite(ms) ? ms : 0)
  if (safe < minute) return { n: Math.floor(safe / second), unit: 's' }
  if (safe < hour) return { n: Math.floor(safe / minute), unit: 'min' }
  if (safe < 2 * oneDay) return { n: Math.floor(safe / hour), unit: 'h' }
  return { n: Math.floor(safe / oneDay), unit: 'd' }
}

/** m:ss below ten minutes, so that seconds count where they matter; undefined above, where an amount says it better. */
export function stopwatch(ms: number): string | undefined {
  if (!(ms < 10 * minute)) return undefined
  const s = Math.max(0, Math.floor(ms / second))
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
}

interface Parts { year: string; month: string; day: string; hour: string; minute: string; second: string }

const formats = new Map<string, Intl.DateTimeFormat>()

function parts(ms: number, zone: string): Parts {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit',
      hour: '2-digit', minute: '2-digit', second: '2-digit',
    })
    formats.set(zone, format)
  }
  return Object.fromEntries(format.formatToParts(ms).map((p) => [p.type, p.value])) as unknown as Parts
}

/** 22:41 in the zone. */
export function hourMinute(ms: number, zone: string): string {
  const p = parts(ms, zone)
  return `${p.hour}:${p.minute}`
}

/** 2026-11-22 in the zone. */
export function day(ms: number, zone: string): string {
  const p = parts(ms, zone)
  return `${p.year}-${p.month}-${p.day}`
}

/** 22:41:06 in the zone. */
export function hourMinuteSecond(ms: number, zone: string): string {
  return `${hourMinute(ms, zone)}:${parts(ms, zone).second}`
}

/** 11-22 in the zone. */
export function monthDay(ms: number, zone: string): string {
  const p = parts(ms, zone)
  return `${p.month}-${p.day}`
}

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

function sameDay(a: number, b: number, zone: string): boolean {
  const x = parts(a, zone), y = parts(b, zone)
  return x.year === y.year && x.month === y.month && x.day === y.day
}

/** 22:41 for today, 11-21 22:41 for another day. */
export function when(ms: number, now: number, zone: string): string {
  return sameDay(ms, now, zone) ? hourMinute(ms, zone) : `${monthDay(ms, zone)} ${hourMinute(ms, zone)}`
}

/** The times of an axis from one moment to another, so many ms apart, counted from midnight in the zone: where its clocks
    change the steps keep their length. */
export function ticks(from: number, to: number, step: number, zone: string): number[] {
  const off = ahead(Math.ceil(from / second) * second, zone)
  const at: number[] = []
  for (let t = Math.ceil((from + off) / step) * step - off; t <= to; t += step) at.push(t)
  return at
}

/** Label of a time axis: the date where a day begins, else the clock. */
export function tick(ms: number, zone: string): string {
  const clock = hourMinute(ms, zone)
  return clock === '00:00' ? monthDay(ms, zone) : clock
}

/** A value is stale when three of its polls are overdue, with ten seconds for the way to the browser. One that is only sent
    when it changes may be silent for reportMs besides. */
export function stale(at: number, pollMs: number, now: number, reportMs = 0): boolean {
  return now - at > reportMs + 3 * Math.max(pollMs, second) + 10 * second
}
