// The list behind 待办: one tab's incidents, kept fresh by events and corrected by reading again.
import { onBeforeUnmount, onMounted, reactive } from 'vue'
import { ApiError, api } from './api'
import { badge } from './badge'
import { pick, t } from './i18n'
import { now, setServerTime, useLive } from './live'
import { go, route } from './router'
import { onDone } from './deeds'
import type { Counts, Handling, Incident, Site } from './types'
import { isSilence, merged, order } from './urgency'

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
    sites: [] as Site[],
    silentSites: [] as Site[],
    latest: undefined as Incident | undefined,
    fresh: new Set<string>(),
    announced: '',
    loading: true,
    error: '',
    show, load, more,
  })
  let round = 0
  let soon: ReturnType<typeof setTimeout> | undefined

  function show(tab: Handling) {
    if (tab === box.tab) return
    box.tab = tab
    box.list = []
    go(tab === 'open' ? '/todo' : `/todo?tab=${tab}`, true)
    void load()
  }

  async function load() {
    const mine = ++round
    box.loading = true
    try {
      const page = await api.incidents(box.tab)
      if (mine !== round) return
      setServerTime(page.now)
      box.list = order(page.incidents, box.tab)
      box.next = page.next
      setCounts(page.counts)
      box.error = ''
    } catch (error) {
      if (mine === round && !(error instanceof ApiError && error.status === 401)) box.error = error instanceof Error ? error.message : String(error)
    } finally {
      if (mine === round) box.loading = false
    }
    if (mine === round && (box.tab === 'open' || !box.sites.length)) await aside()
  }

  /** What the empty and the offline items need; without it the list is still right. */
  async function aside() {
    const [sites, closed] = await Promise.all([api.sites().catch(() => undefined), box.list.length ? undefined : api.incidents('closed', 1).catch(() => undefined)])
    if (sites) setSites(sites.sites)
    box.latest = closed?.incidents[0]
  }

  async function more() {
    if (!box.next) return
    try {
      const page = await api.incidents(box.tab, 50, box.next)
      const known = new Set(box.list.map((i) => i.id))
      box.list = order([...box.list, ...page.incidents.filter((i) => !known.has(i.id))], box.tab)
      box.next = page.next
    } catch (error) { box.error = error instanceof Error ? error.message : String(error) }
  }

  function setCounts(counts: Counts) {
    box.counts = counts
    badge.open = counts.open
  }
  function setSites(sites: Site[]) {
    box.sites = sites
    const told = new Set(box.list.filter(isSilence).map((i) => i.site))
    box.silentSites = sites.filter((s) => !s.online && !told.has(s.id))
  }

  function heard(incident: Incident) {
    const before = box.list.find((i) => i.id === incident.id)
    if (!before && box.tab === 'open' && incident.handling === 'open' && now.value - incident.since < 3_600_000) {
      box.fresh.add(incident.id)
      box.announced = t('todo.new', { title: pick(incident.title), place: incident.place })
    }
    box.list = merged(box.list, incident, box.tab)
    readSoon()
  }
  /** The counts and the order come from the server, at most twice a second. */
  function readSoon() {
    soon ??= setTimeout(() => { soon = undefined; void load() }, 500)
  }

  useLive('incident', heard)
  useLive('site', (site) => setSites([...box.sites.filter((s) => s.id !== site.id), site]))
  useLive('refetch', () => void load())
  const stop = onDone((detail) => { box.list = merged(box.list, detail, box.tab); readSoon() })
  onMounted(load)
  onBeforeUnmount(() => { stop(); clearTimeout(soon) })
  return box
}
