// For how long a gateway can keep what the cloud does not get.
import type { Machine } from './types/machines'

/** What is left of it in ms: all of it while it is online, and less as an outage goes on. Undefined: it has never said. */
export function roomLeft(m: Pick<Machine, 'online' | 'since' | 'roomSeconds' | 'roomAt'>, now: number): number | undefined {
  if (!m.roomAt) return undefined
  return Math.max(0, (m.roomSeconds ?? 0) * 1000 - (m.online ? 0 : Math.max(0, now - m.since)))
}

/** bad: it is full, and the oldest readings go; warn: it is full sooner than it has been cut off already. */
export function roomState(m: Pick<Machine, 'online' | 'since' | 'roomSeconds' | 'roomAt'>, now: number): 'plain' | 'warn' | 'bad' {
  const left = roomLeft(m, now)
  if (left === undefined) return 'plain'
  if (left === 0) return 'bad'
  return !m.online && left < now - m.since ? 'warn' : 'plain'
}
