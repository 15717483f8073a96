// The deeds of incidents that are on their way (queue.ts), with the page's line, storage and words.
import { reactive, ref, watch } from 'vue'
import { ApiError, api } from './api'
import { t } from './i18n'
import { whenBack } from './live'
import { DeedQueue, type Pending, type Sent } from './queue'
import { me, onLogout, session } from './session'
import type { IncidentDetail } from './types'

/** The deeds that the server does not have yet. */
export const pending = ref<Pending[]>([])
/** The last deed that was refused, per incident: a sentence for its place. */
export const refusals = reactive<Record<string, string>>({})
const hearers = new Set<(detail: IncidentDetail) => void>()
/** Hears what the server says after a deed; returns how to stop. */
export function onDone(call: (detail: IncidentDetail) => void): () => void {
  hearers.add(call)
  return () => hearers.delete(call)
}

async function send(e: Pending): Promise<Sent> {
  try {
    const detail = await api.deed(e.id, e.deed, e.body ?? {}, e.key)
    for (const call of hearers) call(detail)
    return { kind: 'done' }
  } catch (error) {
    if (!(error instanceof ApiError)) return { kind: 'refused', why: String(error) }
    if (error.offline || error.status === 401) return { kind: 'offline' }
    return afterRefusal(e, error)
  }
}

/** A refusal is shown with the incident as it is now: what somebody else did explains it. */
async function afterRefusal(e: Pending, error: ApiError): Promise<Sent> {
  if (error.code === 'wrong_state') {
    const detail = await api.incident(e.id).catch(() => undefined)
    if (detail) for (const call of hearers) call(detail)
    if (e.deed === 'take' && detail?.handling === 'handling' && detail.takenBy === session.user.name) return { kind: 'done' }
  }
  return { kind: 'refused', why: error.message }
}

function load(): Pending[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem('deeds') ?? '[]')
    return Array.isArray(list) ? list.filter((e) => [e?.id, e?.deed, e?.key].every((s) => typeof s === 'string') && typeof e?.at === 'number') : []
  } catch { return [] }
}

function save(list: Pending[]) {
  try {
    if (list.length) localStorage.setItem('deeds', JSON.stringify(list))
    else localStorage.removeItem('deeds')
  } catch { /* a full or forbidden storage: the deeds live as long as the page */ }
}

/** 128 random bits; pages over plain HTTP have no crypto.randomUUID. */
const key = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')

const queue = new DeedQueue({
  send, key, load, save, who: me,
  now: Date.now,
  changed: (list) => { pending.value = list },
  refused: (e, why) => { refusals[e.id] = e.deed === 'take' ? t('take.refused', { why }) : t('deed.refused', { why }) },
})
// A stream that opened again means a line that works again; between such moments a slow beat tries what is left.
whenBack(() => void queue.flush())
watch(me, () => queue.another())
onLogout(() => queue.clear())

/** Does any deed of an incident, now or when the line is back. What became of it: pendingOf, refusals, onDone. */
export function act(id: string, deed: string, body?: object) {
  delete refusals[id]
  return queue.do(id, deed, body)
}
export const take = (id: string) => void act(id, 'take')
/** Throws away a deed that was not sent. */
export const drop = (e: Pending) => queue.drop(e.id, e.deed)
/** The first deed of an incident that is on its way; of one kind, when it is named. */
export const pendingOf = (id: string, deed?: string) => pending.value.find((e) => e.id === id && (!deed || e.deed === deed))
