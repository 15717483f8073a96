// The live side: the browser's one event stream (line.ts), watched, let go while the page is hidden, with the page's scope;
// and the clock.
import { onBeforeUnmount, onMounted, reactive, ref, watch } from 'vue'
import { api, linkKey } from './api'
import type { Told, Want } from './exchange'
import { connect, shared, type Line } from './line'
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
  replay: { token: string; share: number } // how far a replay of a rule has come
  org: object // rounds or duty checks changed: read them again
  rollout: object // an update of gateways moved, or a gateway's part in it: read it again
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

const listeners: { [K in Kind]: Set<(data: Events[K]) => void> } = { incident: new Set(), site: new Set(), readings: new Set(), mode: new Set(), order: new Set(), cell: new Set(), org: new Set(), rollout: new Set(), replay: new Set(), refetch: new Set() }
function tell<K extends Kind>(kind: K, data: Events[K]) { for (const call of [...listeners[kind]]) call(data) }

/** Hears events of one kind for as long as the page is open. */
export function onLive<K extends Kind>(kind: K, call: (data: Events[K]) => void) { listeners[kind].add(call) }

/** Calls when the line works again, and now and then while it does: for what is left to send. */
export function whenBack(call: () => void) {
  watch(() => live.state, (state) => { if (state === 'live') call() })
  onLive('refetch', call)
  addEventListener('online', call)
  setInterval(() => { if (live.state === 'live') call() }, 15_000)
}

/** Hears events of one kind while the component is there. */
export function useLive<K extends Kind>(kind: K, call: (data: Events[K]) => void) {
  onMounted(() => listeners[kind].add(call))
  onBeforeUnmount(() => listeners[kind].delete(call))
}

let line: Line | undefined
let who = ''
let told = 0 // when the other end of the line was last heard
let closed = false // the browser has given the stream up
let dog = new Watchdog(Date.now())
let scope: Want = {}
let opens = 0
let hiddenTimer: ReturnType<typeof setTimeout> | undefined
let running = false
const here = 5000
const deaf = 20_000 // the other end has gone: another one is made
const letGo = shared ? 60_000 : 10_000 // after so long a hidden page has no stream; a shared one costs nobody a connection

/** Which readings this page wants: {site} or {device: "gateway/device"}; nothing = none. */
export function useScope(want: Want) {
  onMounted(() => rescope(want))
  onBeforeUnmount(() => rescope({}))
}
function rescope(want: Want) {
  if (JSON.stringify(want) === JSON.stringify(scope)) return
  scope = want
  // A page that follows another says what it wants in the same moment: that is one change.
  queueMicrotask(() => { if (scope === want && running && live.state !== 'paused') line?.ask({ do: 'want', want }) })
}

function sign() {
  dog.sign(Date.now())
  live.dataAt = serverNow()
}

function hear(said: Told) {
  told = Date.now()
  switch (said.is) {
    case 'gone': if (running && live.state !== 'paused') join(); break
    case 'open':
      closed = false
      dog.opened(Date.now())
      sign()
      live.everLive = true
      if (opens++ > 0) tell('refetch', null)
      show()
      break
    case 'broken': closed = said.closed; dog.failed(Date.now()); show(); break
    case 'event':
      sign()
      if (said.kind === 'reset') tell('refetch', null)
      else if (said.kind !== 'ping') try { tell(said.kind, JSON.parse(said.data)) } catch { /* a frame cut short: the next one counts */ }
  }
}

function join() {
  dog.reopened(Date.now())
  line?.ask({ do: 'join', who, key: linkKey, want: scope })
}

function open() {
  line?.hang()
  told = Date.now()
  line = connect(hear)
  join()
}
function hang() { line?.hang(); line = undefined }

function show() {
  if (live.state === 'paused') return
  if (dog.state === 'lost' && live.state !== 'lost') live.lostSince = dog.alive + ahead
  live.state = dog.state
}

let beats = 0
function beat() {
  now.value = serverNow()
  if (!running || live.state === 'paused') return
  if (Date.now() - told > deaf) open()
  else if (++beats % (here / 1000) === 0) line?.ask({ do: 'here' })
  const advice = dog.tick(Date.now(), closed)
  show()
  if (advice === 'reopen') { dog.reopened(Date.now()); line?.ask({ do: 'reopen', why: closed ? 'closed' : 'stuck' }); closed = false }
  // A refused stream says no reason to the page; the session does: 401 leads to the login.
  if (advice) api.session(4000).then((s) => { setServerTime(s.now); sign() }, () => { /* the watchdog counts the silence */ })
}

function visibility() {
  clearTimeout(hiddenTimer)
  if (document.hidden) {
    hiddenTimer = setTimeout(() => { hang(); live.state = 'paused' }, letGo)
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

/** Opens the stream once the reader is known; pages of the same reader share it. */
export function startLive(reader: string) {
  if (running && who === reader) return
  who = reader
  running = true
  if (live.state !== 'paused') restart()
}
export function stopLive() {
  running = false
  hang()
}

setInterval(beat, 1000)
document.addEventListener('visibilitychange', visibility)
addEventListener('online', () => { if (running && live.state !== 'paused') line?.ask({ do: 'reopen', why: 'online' }) })
// A page that is left says so; one that comes back from the browser's cache joins again.
addEventListener('pagehide', () => { if (running) { hang(); live.state = 'paused' } })
addEventListener('pageshow', (event) => { if (event.persisted) visibility() })
addEventListener('offline', () => { dog.failed(Date.now() - 3000); beat() })
