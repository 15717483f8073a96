// The desk's list: filters live in the address, the server chooses, pages come on demand, events make it read again.
import { onBeforeUnmount, onMounted, reactive } from 'vue'
import { desk, type Filters } from './api/desk'
import { setServerTime, useLive } from './live'
import { go, route } from './router'
import type { Incident } from './types'
import { session } from './session'
import { dayStart } from './time'
import type { Tally } from './types/desk'

/** The filters that an address can hold, as the API names them; from and to are days there. */
export const names = ['handling', 'severity', 'site', 'kind', 'category', 'source', 'whistle', 'from', 'to', 'q', 'quiet', 'overdue', 'mine', 'order'] as const
export type Name = (typeof names)[number]
export type Choice = Partial<Record<Name, string>>

/** The filters of an address's query; what is empty does not count. Pure. */
export function ofQuery(query: URLSearchParams): Choice {
  const out: Choice = {}
  for (const name of names) { const v = query.get(name); if (v) out[name] = v }
  return out
}
/** The query of filters. Pure. */
export function toQuery(choice: Choice): string {
  const out = new URLSearchParams()
  for (const name of names) if (choice[name]) out.set(name, choice[name]!)
  const text = out.toString()
  return text ? '?' + text : ''
}
/** What the API is asked: days of the zone as moments, to the end of the last one; a day that is none left out. Pure. */
export function asked(choice: Choice, zone: string): Filters {
  return { ...choice, from: dayStart(choice.from, zone), to: dayStart(choice.to, zone, 1), order: choice.order ?? (choice.quiet ? 'oldest' : undefined) }
}

export function useAlertList() {
  const box = reactive({ choice: ofQuery(route.query), list: [] as Incident[], next: undefined as string | undefined, tally: undefined as Tally | undefined, loaded: false, error: '', set, load, more })
  let round = 0
  let soon: ReturnType<typeof setTimeout> | undefined
  async function load() {
    const mine = ++round
    try {
      const filters = asked(box.choice, session.zone)
      // What was paged to stays in sight when it is read again.
      const page = await desk.list({ ...filters, limit: Math.min(200, Math.max(50, box.list.length)) })
      if (mine !== round) return
      setServerTime(page.now)
      Object.assign(box, { list: page.incidents, next: page.next, loaded: true, error: '' })
      const tally = await desk.tally(filters)
      if (mine === round) box.tally = tally
    } catch (e) { if (mine === round) box.error = e instanceof Error ? e.message : String(e) }
  }
  async function more() {
    try {
      const page = await desk.list({ ...asked(box.choice, session.zone), limit: 100, before: box.next })
      const known = new Set(box.list.map((i) => i.id))
      box.list.push(...page.incidents.filter((i) => !known.has(i.id)))
      box.next = page.next
    } catch (e) { box.error = e instanceof Error ? e.message : String(e) }
  }
  function set(choice: Choice) {
    box.choice = choice
    box.list = []
    box.loaded = false
    go(`/alerts${toQuery(choice)}`, true)
    void load()
  }
  useLive('incident', (i) => {
    const at = box.list.findIndex((k) => k.id === i.id)
    if (at >= 0) box.list[at] = i
    soon ??= setTimeout(() => { soon = undefined; void load() }, 1000)
  })
  useLive('refetch', () => void load())
  onMounted(load)
  onBeforeUnmount(() => clearTimeout(soon))
  return box
}
