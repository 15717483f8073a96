// Check-ins of a round that survive a bad connection.
import { rounds, type CheckIn, type Round } from './api/rounds'
import { now } from './live'
import { newKey, outbox, type Entry } from './outbox'
import { me } from './session'

export interface Kept extends Entry { round: string; n: number; body: CheckIn }

const all = outbox('checkins', (k: Kept) => rounds.checkIn(k.round, k.n, { ...k.body, photos: k.ids.length ? k.ids : undefined }, k.key))

export const kept = all.box
export const { flush, drop } = all
/** What the reader has kept of a round. */
export const mineOf = (round: string) => kept.list.filter((k) => k.round === round && k.who === me())

/** Keeps a check-in and sends what is kept; answers the round when the server has it. */
export async function checkIn(round: string, n: number, body: CheckIn, shots: string[]): Promise<Round | undefined> {
  if (mineOf(round).some((k) => k.n === n)) return flush()
  return all.add({ round, n, key: newKey(), body: { ...body, at: Math.round(now.value) }, photos: shots, ids: [] })
}
