// Order and time limits of incidents. Pure.
import type { Handling, Incident } from './types'

/** Time to take an alert, ms. A gateway that was offline brings old alerts: their bar is not stretched over the outage. */
const limit = { A: 3 * 60_000, B: 30 * 60_000, C: Infinity }
const rank = { A: 0, B: 1, C: 2 }

/** Most urgent first, as the server's order=urgent: what is on trial or put off behind all others, level, then who is still
 * in danger, then whose limit ends first, then the longest waiting. */
export function byUrgency(a: Incident, b: Incident): number {
  return Number(aside(a)) - Number(aside(b)) || rank[a.severity] - rank[b.severity]
    || Number(a.condition === 'recovered') - Number(b.condition === 'recovered')
    || sign((a.deadline ?? Infinity), (b.deadline ?? Infinity)) || a.since - b.since || (a.id < b.id ? -1 : 1)
}

const aside = (i: Incident) => i.shadow || !!i.suspendedAt

/** Infinity - Infinity is not a number, so a difference would not do. */
function sign(a: number, b: number) { return a < b ? -1 : a > b ? 1 : 0 }

/** The order of a tab: urgency, or the last closed first. */
export function order(list: Incident[], tab: Handling): Incident[] {
  return [...list].sort(tab === 'closed' ? (a, b) => (b.closedAt ?? 0) - (a.closedAt ?? 0) : byUrgency)
}

/** What is left of the time to take an incident; undefined when there is no limit. share: 1 at the start, 0 at the end. */
export function due(i: Pick<Incident, 'since' | 'deadline' | 'severity'>, now: number): { left: number; share: number } | undefined {
  if (!i.deadline) return undefined
  const total = Math.max(1, Math.min(i.deadline - i.since, limit[i.severity]))
  const left = i.deadline - now
  return { left, share: Math.min(1, Math.max(0, left / total)) }
}

/** It tells that a gateway is out of reach: the cloud's own rule (incident.GatewaySilent). */
export const isSilence = (i: Pick<Incident, 'rule'>) => i.rule === 'gateway_silent'

/** The list with one incident put in, replaced, or taken out because it belongs to another tab now. */
export function merged(list: Incident[], changed: Incident, tab: Handling): Incident[] {
  const rest = list.filter((i) => i.id !== changed.id)
  return changed.handling === tab ? order([...rest, changed], tab) : rest
}
