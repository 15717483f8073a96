// A gateway as people read it. Pure.
import type { Machine } from './types/machines'
import { say } from '../words/machines'

/** A version; a build that was never released has none. */
export const versionName = (v: string) => (v === '(devel)' ? say('version.devel') : v || '—')

/** How long it was not heard of, ms: since the last word of it, which is before the cloud called it offline. */
export const silentFor = (m: Pick<Machine, 'lastSeen' | 'since'>, now: number) => Math.max(0, now - (m.lastSeen || m.since))
