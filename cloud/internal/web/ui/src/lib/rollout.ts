// How far an update of gateways has come.
import type { RolloutOf, Updates } from './types/machines'

export interface Ring { ring: 1 | 2 | 3; of: number; has: number; state: 'done' | 'now' | 'later' }

/** Its three rings: how many gateways each holds, and how many of them run the version. */
export function rings(u: Updates): Ring[] {
  return ([1, 2, 3] as const).map((ring) => {
    const all = u.gateways.filter((g) => g.ring === ring)
    return { ring, of: all.length, has: all.filter((g) => g.state === 'applied').length, state: ring < u.rollout.ring ? 'done' : ring === u.rollout.ring ? 'now' : 'later' }
  })
}

export type Stand = 'none' | 'running' | 'stopped' | 'done'
export function stand(u: Updates): Stand {
  if (!u.rollout.id) return 'none'
  if (u.rollout.stopped) return 'stopped'
  return u.rollout.ring === 3 && u.gateways.length > 0 && u.gateways.every((g) => g.state === 'applied') ? 'done' : 'running'
}

/** Gateways that will be asked for the first time, or again, when a ring comes. */
export const waiting = (u: Updates, ring: number): RolloutOf[] => u.gateways.filter((g) => g.ring <= ring && ['later', 'asked', 'waits', 'trial'].includes(g.state))

/** Gateways that went back or refused, those that went back first. */
export const worse = (u: Updates): RolloutOf[] => (['reverted', 'refused'] as const).flatMap((s) => u.gateways.filter((g) => g.state === s))
