// Who is here, and the 接警 that are on their way.
import { computed, reactive, ref, watch } from 'vue'
import { ApiError, api, whenLoginNeeded } from './api'
import { t } from './i18n'
import { pages } from './pages'
import { live, onLive, setServerTime, startLive, stopLive } from './live'
import { TakeQueue, type Pending, type Sent } from './queue'
import type { IncidentDetail, Right, Session } from './types'

export const session = reactive({
  state: 'loading' as 'loading' | 'in' | 'login',
  user: { name: '', role: '' } as Session['user'],
  rights: {} as Session['rights'],
  demo: false,
  version: '',
  zone: 'Asia/Shanghai',
  why: '', // a sentence above the login
})

export async function loadSession() {
  try {
    enter(await api.session())
  } catch (error) {
    // 401 has already led to the login; without network the page's own error says so and the stream keeps trying.
    if (error instanceof ApiError && error.status === 401) return
    if (session.state === 'loading') { session.state = 'in'; startLive() }
  }
}

function enter(s: Session) {
  session.user = s.user
  session.rights = s.rights ?? {}
  session.demo = s.demo
  session.version = s.version
  if (s.timezone) session.zone = s.timezone
  session.state = 'in'
  setServerTime(s.now)
  startLive()
}

/** Whether the caller holds a right anywhere; street: everywhere. What the server says, so that no button is shown that it refuses. */
export function can(right: Right, street = false): boolean {
  const nodes = session.rights[right] ?? []
  return street ? nodes.includes('') : nodes.length > 0
}

/** Whether the caller holds a right at a place; path: the ids from the root to the node. */
export function canAt(right: Right, path: string[]): boolean {
  return (session.rights[right] ?? []).some((node) => node === '' || path.includes(node))
}

/** Pages that the caller may open, in the order of the table. The holder of a link sees one incident and nothing else. */
export const open = computed(() => session.user.role === 'link' ? [] : pages.filter((p) => !p.right || can(p.right, p.street)))

whenLoginNeeded(() => askLogin(''))

/** Shows the login instead of the page; the address stays, so the way leads back to where it was asked. */
export function askLogin(why: string) {
  session.why = why
  session.state = 'login'
  stopLive()
}

export async function logout() {
  await api.logout().catch(() => undefined)
  queue.clear()
  session.user = { name: '', role: '' }
  askLogin('')
}

// A session that could not be read at the start is read when the connection is there.
watch(() => live.state, (state) => {
  if (state !== 'live') return
  if (!session.user.name) void loadSession()
})

/** The taps on 接警 that the server does not have yet. */
export const pending = ref<Pending[]>([])
/** The last 接警 that was refused, per incident: a sentence for its card. */
export const refusals = reactive<Record<string, string>>({})
const takers = new Set<(detail: IncidentDetail) => void>()
/** Hears what the server says after a 接警; returns how to stop. */
export function onTaken(call: (detail: IncidentDetail) => void): () => void {
  takers.add(call)
  return () => takers.delete(call)
}

async function send(id: string): Promise<Sent> {
  try {
    const detail = await api.take(id)
    for (const call of takers) call(detail)
    return { kind: 'done' }
  } catch (error) {
    if (!(error instanceof ApiError)) return { kind: 'refused', why: String(error) }
    if (error.offline || error.status === 401) return { kind: 'offline' }
    return afterRefusal(id, error)
  }
}

/** An answer that got lost makes the second try a conflict: when it was me who took it, all is well. */
async function afterRefusal(id: string, error: ApiError): Promise<Sent> {
  if (error.code === 'wrong_state') {
    const detail = await api.incident(id).catch(() => undefined)
    if (detail) for (const call of takers) call(detail)
    if (detail?.handling === 'handling' && detail.takenBy === session.user.name) return { kind: 'done' }
  }
  return { kind: 'refused', why: error.message }
}

function load(): Pending[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem('takes') ?? '[]')
    return Array.isArray(list) ? list.filter((e) => typeof e?.id === 'string' && typeof e?.at === 'number') : []
  } catch { return [] }
}

export const queue = new TakeQueue({
  send,
  now: Date.now,
  load,
  save: (list) => list.length ? localStorage.setItem('takes', JSON.stringify(list)) : localStorage.removeItem('takes'),
  changed: (list) => { pending.value = list },
  refused: (id, why) => { refusals[id] = t('take.refused', { why }) },
})
// A stream that opened again means a line that works again; between such moments a slow beat tries what is left.
watch(() => live.state, (state) => { if (state === 'live') void queue.flush() })
onLive('refetch', () => void queue.flush())
addEventListener('online', () => void queue.flush())
setInterval(() => { if (live.state === 'live') void queue.flush() }, 15_000)

export function take(id: string) {
  delete refusals[id]
  void queue.take(id)
}
export const pendingOf = (id: string) => pending.value.find((entry) => entry.id === id)
