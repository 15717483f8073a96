// The list behind 待办: one tab's incidents, kept fresh by events and corrected by reading again.
import { onBeforeUnmount, onMounted, reactive, watch } from 'vue'
import { ApiError, api } from './api'
import { badge } from './badge'
import { pick, t } from './i18n'
import { now, setServerTime, useLive } from './live'
import { go, route } from './router'
import { onDone } from './deeds'
import { reader } from './reading'
import { firstRows, joined } from './rows'
import type { Counts, Handling, Incident, Site } from './types'
import { isSilence, merged, order } from './urgency'

const idOf = (i: Incident) => i.id

export const tabs: Handling[] = ['open', 'handling', 'closed']

function tabOfAddress(): Handling {
  const asked = route.query.get('tab') as Handling | null
  return asked && tabs.includes(asked) ? asked : 'open'
}

export function useIncidents() {
  const box = reactive({
    tab: tabOfAddress(),
    list: [] as Incident[],
    counts: undefined as Counts | undefined,
    next: undefined as string | undefined,
    manySites: false,
    offline: [] as Site[],
    silentSites: [] as Site[],
    latest: undefined as Incident | undefined,
    fresh: new Set<string>(),
    announced: '',
    loading: true,
    known: false, // the list of this tab has been read
    error: '',
    show, load: () => lines.now(), more,
  })
  const step = 50
  let asked = false // for the sites
  let length = step // what was paged to stays in sight
  const came = new Map<string, Incident>() // while a reading is under way: its answer may not have it yet
  /** The counts and the order come from the server, at most twice a second and one reading at a time. */
  const lines = reader(load, 500)

  function show(tab: Handling) {
    if (tab === box.tab) return
    box.tab = tab
    box.list = []
    box.known = false
    length = step
    go(tab === 'open' ? '/todo' : `/todo?tab=${tab}`, true)
    void lines.now()
  }

  const ask = (tab: Handling) => (limit: number, before?: string) => api.todo(tab, limit, before)

  async function load(wanted: () => boolean) {
    box.loading = true
    came.clear()
    try {
      const n = length
      const page = await firstRows(n, 'incidents', idOf, ask(box.tab))
      if (!wanted()) return
      if (n !== length) return lines.soon() // the next page has come meanwhile
      setServerTime(page.now)
      box.list = order(joined(page.incidents, [...came.values()].filter((i) => i.handling === box.tab), idOf), box.tab)
      box.known = true
      box.next = page.next
      setCounts(page.counts)
      box.error = ''
    } catch (error) {
      if (wanted() && !(error instanceof ApiError && error.status === 401)) box.error = error instanceof Error ? error.message : String(error)
    } finally {
      if (wanted()) box.loading = false
    }
    if (wanted() && (box.tab === 'open' || !asked)) await aside()
  }

  /** What the empty and the offline items need; without it the list is still right. */
  async function aside() {
    const [silent, closed] = await Promise.all([api.silentSites().catch(() => undefined), box.list.length ? undefined : api.incidents('closed', 1).catch(() => undefined)])
    if (silent) {
      asked = true
      box.manySites = silent.total > 1
      setOffline(silent.sites)
    }
    box.latest = closed?.incidents[0]
  }

  async function more() {
    const { tab, next } = box
    if (!next) return
    try {
      const page = await ask(tab)(step, next)
      if (tab !== box.tab) return
      box.list = order(joined(box.list, page.incidents, idOf), tab)
      length += step
      box.next = page.next
    } catch (error) { box.error = error instanceof Error ? error.message : String(error) }
  }

  function setCounts(counts: Counts) {
    box.counts = counts
    badge.open = counts.open
  }
  function setOffline(sites: Site[]) {
    box.offline = sites
    const told = new Set(box.list.filter(isSilence).map((i) => i.site))
    box.silentSites = sites.filter((s) => !s.silence && !told.has(s.id))
  }

  function heard(incident: Incident) {
    const before = box.list.find((i) => i.id === incident.id)
    if (!before && box.tab === 'open' && incident.handling === 'open' && now.value - incident.since < 3_600_000) {
      box.fresh.add(incident.id)
      box.announced = t('todo.new', { title: pick(incident.title), place: incident.place })
    }
    put(incident)
  }
  /** Before the list is read one alert alone would look like all there is: it comes with the first answer. */
  function put(incident: Incident) {
    came.set(incident.id, incident)
    if (box.known) box.list = merged(box.list, incident, box.tab)
    lines.soon()
  }

  // A tap on 待办, or the way back, changes the address: the tab is that of the address.
  watch(() => route.query, () => { if (route.path === '/todo') show(tabOfAddress()) })
  useLive('incident', heard)
  useLive('site', (site) => setOffline([...box.offline.filter((s) => s.id !== site.id), ...(site.online ? [] : [site])]))
  useLive('refetch', lines.again)
  const stop = onDone(put)
  onMounted(lines.now)
  onBeforeUnmount(() => { stop(); lines.stop() })
  return box
}
