// What can be done to many alerts at once, and why some are left out. Pure.
import type { Incident } from './types'

export type Bulk = 'take' | 'urge' | 'close'
/** Why one is left out of a deed. */
export type Left = 'closed' | 'open' | 'urgent' | 'active' | 'taken'

/** A danger is closed by itself, after another person has checked it; so is what still goes on, with a reason of its own. */
function why(deed: Bulk, i: Incident): Left | undefined {
  if (i.handling === 'closed') return 'closed'
  if (deed === 'urge') return undefined
  if (deed === 'take') return i.handling === 'open' ? undefined : 'taken'
  if (i.handling === 'open') return 'open'
  return i.severity === 'A' ? 'urgent' : i.condition === 'active' ? 'active' : undefined
}

export const bulkFit = (deed: Bulk, i: Incident) => !why(deed, i)

/** How many are left out, by why. */
export function leftOut(deed: Bulk, list: Incident[]): { why: Left; n: number }[] {
  const all = list.map((i) => why(deed, i)).filter((w) => w !== undefined)
  return [...new Set(all)].map((w) => ({ why: w, n: all.filter((x) => x === w).length }))
}
