// Which sites a reader looks for, and in which order. Pure.
import type { Site } from './types'

/** What the list can be narrowed to. */
export const shows = ['all', 'alerts', 'offline', 'faults'] as const
export type Show = (typeof shows)[number]

const open = (s: Site) => s.open.A + s.open.B + s.open.C
const fits: Record<Show, (s: Site) => boolean> = { all: () => true, alerts: (s) => open(s) > 0, offline: (s) => !s.online, faults: (s) => s.devices.bad > 0 }

/** The sites that a search and a filter leave. A search looks into name, id and gateway. */
export function found(sites: Site[], search: string, show: Show): Site[] {
  const text = search.trim().toLowerCase()
  return sites.filter((s) => fits[show](s) && (!text || `${s.name} ${s.id} ${s.gateway}`.toLowerCase().includes(text)))
}

/** Those that need somebody most first: open alerts by severity, then silence, then devices with a fault. */
export const worstFirst = (sites: Site[]): Site[] => [...sites].sort((a, b) => b.open.A - a.open.A || b.open.B - a.open.B || b.open.C - a.open.C
  || Number(a.online) - Number(b.online) || b.devices.bad - a.devices.bad || a.name.localeCompare(b.name, 'zh'))

/** How many sites each filter would leave of those that are found. */
export const tally = (sites: Site[], search: string) => Object.fromEntries(shows.map((s) => [s, found(sites, search, s).length])) as Record<Show, number>
