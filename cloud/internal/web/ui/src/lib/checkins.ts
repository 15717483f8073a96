// Check-ins that survive a bad connection: each is kept with its photos and a key of its own, and sent until the server has
// it. What the server refuses stays with its reason until the reader drops it.
import { reactive } from 'vue'
import { ApiError } from './api'
import { upload } from './api/desk'
import { rounds, type CheckIn, type Round } from './api/rounds'
import { now } from './live'
import { newKey } from './reports'
import { fromURL } from './shrink'

/** shots: photos as data: addresses; ids: of those that are uploaded. why: what the server has against it. */
export interface Kept { round: string; n: number; key: string; body: CheckIn; shots: string[]; ids: string[]; why?: string }

const place = 'checkins'
function load(): Kept[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(place) ?? '[]')
    return Array.isArray(list) ? list.filter((k) => typeof k?.round === 'string' && typeof k?.key === 'string' && Array.isArray(k?.shots) && Array.isArray(k?.ids)) : []
  } catch { return [] }
}
function save() {
  const put = (list: Kept[]) => (list.length ? localStorage.setItem(place, JSON.stringify(list)) : localStorage.removeItem(place))
  kept.full = false
  try { put(kept.list) } catch {
    kept.full = true
    try { put(kept.list.map((k) => ({ ...k, shots: k.shots.slice(0, k.ids.length) }))) } catch { /* the page still has it */ }
  }
}

/** What is not sent yet. full: the browser has no room for its photos, only this page has them. */
export const kept = reactive<{ list: Kept[]; full: boolean }>({ list: load(), full: false })
let busy = false

/** Keeps a check-in and sends what is kept; answers the round when the server has it. */
export async function checkIn(round: string, n: number, body: CheckIn, shots: string[]): Promise<Round | undefined> {
  if (!kept.list.some((k) => k.round === round && k.n === n)) {
    kept.list.push({ round, n, key: newKey(), body: { ...body, at: Math.round(now.value) }, shots, ids: [] })
    save()
  }
  return flush()
}

/** Sends what is kept, oldest first, until nobody answers; answers the last round that the server took one for. */
export async function flush(): Promise<Round | undefined> {
  if (busy) return undefined
  busy = true
  let last: Round | undefined
  try {
    for (const one of [...kept.list]) {
      if (one.why) continue
      try {
        while (one.ids.length < one.shots.length) {
          one.ids.push((await upload(fromURL(one.shots[one.ids.length]!))).id)
          save()
        }
        last = await rounds.checkIn(one.round, one.n, { ...one.body, photos: one.ids.length ? one.ids : undefined }, one.key)
        drop(one.key)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (error.offline || error.status === 401) return last
        one.why = error.message
        save()
      }
    }
  } finally {
    busy = false
  }
  return last
}

/** Forgets a check-in, so that the point can be checked in anew. */
export function drop(key: string) {
  kept.list = kept.list.filter((k) => k.key !== key)
  save()
}

addEventListener('online', () => void flush())
