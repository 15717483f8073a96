// The emergencies under way that concern the reader, for the banner of every page.
import { reactive, watch } from 'vue'
import { api } from './api'
import { now, onLive } from './live'
import { can, session } from './session'
import type { Emergency } from './types'

/** known: the server has said so; until then nothing is claimed. */
export const modes = reactive({ list: [] as Emergency[], known: false, load })

async function load() {
  if (session.state !== 'in' || !can('see') || session.user.role === 'link') return
  const list = await api.modes().catch(() => undefined) // without an answer the last one stays; the connection's banner says how old it is
  if (list) Object.assign(modes, { list, known: true })
}

/** Those that have not ended by the clock: the end is not missed by a page that hears nothing. */
export const running = () => modes.list.filter((e) => e.until > now.value)

onLive('mode', () => void load())
onLive('refetch', () => void load())
watch(() => [session.state, session.rights], () => void load(), { immediate: true })
