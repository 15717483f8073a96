// Who is here, and what they may.
import { computed, reactive, watch } from 'vue'
import { ApiError, api, whenLoginNeeded } from './api'
import { pages } from './pages'
import { live, setServerTime, startLive, stopLive } from './live'
import type { Right, Session } from './types'

export const session = reactive({
  state: 'loading' as 'loading' | 'in' | 'login',
  user: { name: '', role: '' } as Session['user'],
  rights: {} as Session['rights'],
  demo: false,
  gateway: undefined as Session['gateway'],
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
    if (session.state === 'loading') { session.state = 'in'; startLive('') }
  }
}

/** Whose that is what is kept to be sent: also before the session could be read, and when it has ended. The holder of a link
 * is nobody with an account, whatever the name. */
export const me = () => (session.user.role === 'link' ? 'link ' : '') + (session.user.name || (localStorage.getItem('who') ?? ''))

function enter(s: Session) {
  session.user = s.user
  if (s.user.role !== 'link') try { localStorage.setItem('who', s.user.name) } catch { /* a full or forbidden storage */ }
  session.rights = s.rights ?? {}
  session.demo = s.demo
  session.gateway = s.gateway
  session.version = s.version
  if (s.timezone) session.zone = s.timezone
  session.state = 'in'
  setServerTime(s.now)
  startLive(`${s.user.role} ${s.user.name}`)
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

whenLoginNeeded(askLogin)

/** Shows the login instead of the page; the address stays, so the way leads back to where it was asked. */
export function askLogin(why: string) {
  if (why || session.state !== 'login') session.why = why // of several refusals at once the one that says why stays
  session.state = 'login'
  stopLive()
}

const leavers = new Set<() => void>()
/** Hears that the reader has signed out. */
export function onLogout(call: () => void) { leavers.add(call) }

export async function logout() {
  await api.logout().catch(() => undefined)
  for (const call of leavers) call()
  localStorage.removeItem('who')
  session.user = { name: '', role: '' }
  session.rights = {}
  askLogin('')
}

// A session that could not be read at the start is read when the connection is there.
watch(() => live.state, (state) => {
  if (state !== 'live') return
  if (!session.user.name) void loadSession()
})
