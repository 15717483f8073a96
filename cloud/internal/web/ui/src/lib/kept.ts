// Reports and check-ins that the server does not have yet (outbox.ts): how many there are, and their sending from any page.
// Their code comes only when there are some.
import { computed, reactive } from 'vue'
import { whenBack } from './live'
import { me, session } from './session'

const senders: Record<'reports' | 'checkins', () => Promise<{ flush(): unknown }>> = { reports: () => import('./reports'), checkins: () => import('./checkins') }
export type Place = keyof typeof senders
interface Kept { who?: string; why?: string }
const places = Object.keys(senders) as Place[]

function read(place: Place): Kept[] {
  try { return JSON.parse(localStorage.getItem(place) ?? '[]') } catch { return [] }
}
const lists = reactive({ reports: read('reports'), checkins: read('checkins') })
/** Takes over what is kept now. */
export function count(place: Place, list: Kept[]) { lists[place] = list.map(({ who, why }) => ({ who, why })) }

const mine = (place: Place) => lists[place].filter((k) => k.who === me())
/** How many of the reader's own the server does not have. */
export const unsent = computed(() => mine('reports').length + mine('checkins').length)

whenBack(() => {
  for (const place of places) if (session.state === 'in' && mine(place).some((k) => !k.why)) senders[place]().then((m) => { void m.flush() }, () => undefined)
})
