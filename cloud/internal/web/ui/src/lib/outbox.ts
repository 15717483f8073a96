// What people made while nobody answered: kept in the browser with its photos and a key of its own, so that sent twice it is
// one. It goes out as the one who made it and as nobody else, whoever has the phone now. What the server refuses stays with
// its reason.
import { reactive } from 'vue'
import { ApiError } from './api'
import { upload } from './api/desk'
import { count, type Place } from './kept'
import { me } from './session'
import { fromURL } from './shrink'

/** photos: data: addresses; ids: of those that are uploaded. why: what the server has against it. */
export interface Entry { key: string; who: string; photos: string[]; ids: string[]; why?: string }

/** A key that nothing else has; crypto.randomUUID is not there on a page without TLS. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('')
}

export function outbox<E extends Entry, R>(place: Place, post: (entry: E) => Promise<R>) {
  /** What is not sent yet. full: the browser has no room for its photos, only this page has them. */
  const box = reactive({ list: load(), busy: false, full: false }) as { list: E[]; busy: boolean; full: boolean }
  const answers = new Map<string, R>()
  let running: Promise<R | undefined> | undefined

  function load(): E[] {
    try {
      const list: unknown = JSON.parse(localStorage.getItem(place) ?? '[]')
      return Array.isArray(list) ? list.filter((e) => [e?.key, e?.who].every((s) => typeof s === 'string') && [e.photos, e.ids].every(Array.isArray)) : []
    } catch { return [] }
  }
  function save() {
    const put = (list: E[]) => (list.length ? localStorage.setItem(place, JSON.stringify(list)) : localStorage.removeItem(place))
    box.full = false
    try { put(box.list) } catch {
      box.full = true
      try { put(box.list.map((e) => ({ ...e, photos: e.photos.slice(0, e.ids.length) }))) } catch { /* the page still has it */ }
    }
    count(place, box.list)
  }

  /** Keeps an entry and sends what is kept; answers what the server says to it, nothing when it is kept still. */
  async function add(entry: Omit<E, 'who'>): Promise<R | undefined> {
    if (!box.list.some((e) => e.key === entry.key)) box.list.push({ ...entry, who: me() } as E)
    save()
    await flush()
    const answer = answers.get(entry.key)
    answers.delete(entry.key)
    return answer
  }

  /** Sends what is kept, oldest first and one after the other, until nobody answers; what comes meanwhile has its turn too.
   * all: also what was refused. Answers what the server said last. */
  function flush(all = false): Promise<R | undefined> {
    if (all) for (const e of box.list) if (e.who === me()) delete e.why
    return running ??= turn()
  }
  async function turn(): Promise<R | undefined> {
    await null
    box.busy = true
    const tried = new Set<string>()
    let last: R | undefined
    try {
      for (;;) {
        const one = box.list.find((e) => e.who === me() && !e.why && !tried.has(e.key))
        if (!one) return last
        tried.add(one.key)
        try {
          while (one.ids.length < one.photos.length) {
            one.ids.push((await upload(fromURL(one.photos[one.ids.length]!))).id)
            save()
          }
          if (one.who !== me()) return last // another person has signed in meanwhile
          last = await post(one)
          answers.set(one.key, last)
          drop(one.key)
        } catch (error) {
          if (error instanceof ApiError && (error.offline || error.status === 401)) return last
          one.why = error instanceof Error ? error.message : String(error)
          save()
        }
      }
    } finally {
      running = undefined
      box.busy = false
    }
  }

  /** Forgets an entry. */
  function drop(key: string) {
    box.list = box.list.filter((e) => e.key !== key)
    save()
  }

  // Another page of this browser has kept or sent something.
  addEventListener('storage', (event) => {
    if (event.key !== place || box.full) return
    box.list = load().map((e) => box.list.find((mine) => mine.key === e.key) ?? e)
    count(place, box.list)
  })
  return { box, add, flush, drop }
}
