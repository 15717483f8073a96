// How the states of rounds and duty checks look.
import type { CheckState, RoundState } from './api/rounds'
import type { State } from '../parts/Chip.vue'

export const looks: Record<RoundState, State> = { open: 'info', missed: 'bad', late: 'warn', done: 'good', void: 'off' }
export const checkLooks: Record<CheckState, State> = { open: 'info', answered: 'good', missed: 'bad', untold: 'off' }
/** What is to be done first. */
export const rank: Record<RoundState, number> = { open: 0, missed: 1, late: 2, done: 3, void: 4 }
