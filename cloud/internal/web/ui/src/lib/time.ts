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

/** What the clocks and the calendar of the zone show. */
export function parts(ms: number, zone: string): Parts {
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

function sameDay(a: number, b: number, zone: string): boolean {
  const x = parts(a, zone), y = parts(b, zone)
  return x.year === y.year && x.month === y.month && x.day === y.day
}

/** 22:41 for today, 11-21 22:41 for another day. */
export function when(ms: number, now: number, zone: string): string {
  return sameDay(ms, now, zone) ? hourMinute(ms, zone) : `${monthDay(ms, zone)} ${hourMinute(ms, zone)}`
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
