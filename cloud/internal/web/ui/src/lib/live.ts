// The live side: one event stream per tab, watched, closed while the tab is hidden, with the page's scope; and the clock.
import { onBeforeUnmount, onMounted, reactive, ref } from 'vue'
import { address, api } from './api'
import type { Incident, Readings, Site } from './types'
import type { Cell } from './types/wall'
import { Watchdog, type LiveState } from './watchdog'

interface Events {
  incident: Incident
  site: Site
  readings: Readings
  mode: { at: number } // emergencies began, moved or ended: read them again
  order: { id: number } // an order was given, or a receipt
  cell: Cell // of the wall
  org: object // rounds or duty checks changed: read them again
  refetch: null // what is shown may have holes: read it again
}
type Kind = keyof Events

/** What the shell says about the connection. dataAt: the server's time of the newest sign of life. */
export const live = reactive({ state: 'connecting' as LiveState | 'paused', lostSince: 0, dataAt: 0, everLive: false })

/** The server's time in ms, one step a second. */
export const now = ref(Date.now())
let ahead = 0
export function setServerTime(server: number) {
  ahead = server - Date.now()
  now.value = server
}
const serverNow = () => Date.now() + ahead

const listeners: { [K in Kind]: Set<(data: Events[K]) => void> } = { incident: new Set(), site: new Set(), readings: new Set(), mode: new Set(), order: new Set(), cell: new Set(), org: new Set(), refetch: new Set() }
function tell<K extends Kind>(kind: K, data: Events[K]) { for (const call of [...listeners[kind]]) call(data) }

/** Hears events of one kind for as long as the page is open. */
export function onLive<K extends Kind>(kind: K, call: (data: Events[K]) => void) { listeners[kind].add(call) }

/** Hears events of one kind while the component is there. */
export function useLive<K extends Kind>(kind: K, call: (data: Events[K]) => void) {
  onMounted(() => listeners[kind].add(call))
  onBeforeUnmount(() => listeners[kind].delete(call))
}

let source: EventSource | undefined
let dog = new Watchdog(Date.now())
let scope: Record<string, string> = {}
let opens = 0
let hiddenTimer: ReturnType<typeof setTimeout> | undefined
let running = false

/** Which readings this page wants: {site} or {device: "gateway/device"}; nothing = none. */
export function useScope(want: Record<string, string>) {
  onMounted(() => rescope(want))
  onBeforeUnmount(() => rescope({}))
}
function rescope(want: Record<string, string>) {
  if (JSON.stringify(want) === JSON.stringify(scope)) return
  scope = want
  if (running && live.state !== 'paused') open()
}

function sign() {
  dog.sign(Date.now())
  live.dataAt = serverNow()
}

function open() {
  source?.close()
  dog.reopened(Date.now())
  const mine = (source = new EventSource(address('/stream', scope)))
  const heard = <K extends Kind>(kind: K) => mine.addEventListener(kind as string, (event) => {
    sign()
    try { tell(kind, JSON.parse((event as MessageEvent<string>).data)) } catch { /* a frame cut short: the next one counts */ }
  })
  heard('incident'); heard('site'); heard('readings'); heard('mode'); heard('order'); heard('cell'); heard('org')
  mine.addEventListener('reset', () => { sign(); tell('refetch', null) })
  mine.addEventListener('ping', sign)
  mine.onopen = () => {
    dog.opened(Date.now())
    sign()
    live.everLive = true
    if (opens++ > 0) tell('refetch', null)
    show()
  }
  mine.onerror = () => { dog.failed(Date.now()); show() }
}

function show() {
  if (live.state === 'paused') return
  if (dog.state === 'lost' && live.state !== 'lost') live.lostSince = dog.alive + ahead
  live.state = dog.state
}

function beat() {
  now.value = serverNow()
  if (!running || live.state === 'paused') return
  const advice = dog.tick(Date.now(), source?.readyState === EventSource.CLOSED)
  show()
  if (advice === 'reopen') open()
  // A refused stream says no reason to the page; the session does: 401 leads to the login.
  if (advice) api.session(4000).then((s) => { setServerTime(s.now); sign() }, () => { /* the watchdog counts the silence */ })
}

function visibility() {
  clearTimeout(hiddenTimer)
  if (document.hidden) {
    hiddenTimer = setTimeout(() => { source?.close(); source = undefined; live.state = 'paused' }, 60_000)
  } else if (live.state === 'paused' && running) {
    restart()
  }
}

function restart() {
  dog = new Watchdog(Date.now())
  live.state = 'connecting'
  live.lostSince = 0
  open()
}

/** Opens the stream once the reader is known. */
export function startLive() {
  if (running) return
  running = true
  restart()
}
export function stopLive() {
  running = false
  source?.close()
  source = undefined
}

setInterval(beat, 1000)
document.addEventListener('visibilitychange', visibility)
addEventListener('online', () => { if (running && live.state !== 'paused') open() })
addEventListener('offline', () => { dog.failed(Date.now() - 3000); beat() })
