// The desk's list: filters live in the address, the server chooses, pages come on demand, events make it read again.
import { onBeforeUnmount, onMounted, reactive, watch } from 'vue'
import { desk, type Filters } from './api/desk'
import { setServerTime, useLive } from './live'
import { reader } from './reading'
import { firstRows, joined } from './rows'
import { go, route } from './router'
import type { Incident } from './types'
import { session } from './session'
import { dayStart } from './zone'
import type { Tally } from './types/desk'

const idOf = (i: Incident) => i.id

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
  const box = reactive({ choice: ofQuery(route.query), list: [] as Incident[], next: undefined as string | undefined, tally: undefined as Tally | undefined, loaded: false, error: '', set, load: () => lines.now(), more })
  const lines = reader(load, 1000)
  async function load(wanted: () => boolean) {
    try {
      const filters = asked(box.choice, session.zone)
      // What was paged to stays in sight when it is read again.
      const n = Math.max(50, box.list.length)
      const page = await firstRows(n, 'incidents', idOf, (limit, before) => desk.list({ ...filters, limit, before }))
      if (!wanted()) return
      if (n < box.list.length) return lines.soon() // the next page has come meanwhile
      setServerTime(page.now)
      Object.assign(box, { list: page.incidents, next: page.next, loaded: true, error: '' })
      const tally = await desk.tally(filters)
      if (wanted()) box.tally = tally
    } catch (e) { if (wanted()) box.error = e instanceof Error ? e.message : String(e) }
  }
  async function more() {
    try {
      const page = await desk.list({ ...asked(box.choice, session.zone), limit: 100, before: box.next })
      box.list = joined(box.list, page.incidents, idOf)
      box.next = page.next
    } catch (e) { box.error = e instanceof Error ? e.message : String(e) }
  }
  function choose(choice: Choice) {
    box.choice = choice
    box.list = []
    box.loaded = false
    void lines.now()
  }
  function set(choice: Choice) {
    go(`/alerts${toQuery(choice)}`, true)
    choose(choice)
  }
  // A tap on 告警中心, or the way back, changes the address: the list is that of the address.
  watch(() => route.query, (query) => { if (route.path === '/alerts' && toQuery(ofQuery(query)) !== toQuery(box.choice)) choose(ofQuery(query)) })
  useLive('incident', (i) => {
    const at = box.list.findIndex((k) => k.id === i.id)
    if (at >= 0) box.list[at] = i
    lines.soon()
  })
  useLive('refetch', lines.again)
  onMounted(lines.now)
  onBeforeUnmount(lines.stop)
  return box
}
