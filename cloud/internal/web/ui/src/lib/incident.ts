// One incident for the detail page: read, taken, closed, kept fresh.
import { onBeforeUnmount, onMounted, reactive } from 'vue'
import { ApiError, api } from './api'
import { now, useLive } from './live'
import { onDone } from './deeds'
import { session } from './session'
import type { IncidentDetail } from './types'

export function useIncident(id: string) {
  const box = reactive({ detail: undefined as IncidentDetail | undefined, at: 0, error: '', gone: false, load, put })
  let soon: ReturnType<typeof setTimeout> | undefined
  let home = '' // the zone of the other pages, which comes back when this alert is left

  async function load() {
    try {
      put(await api.incident(id))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 404) box.gone = true
      else if (error.status !== 401) box.error = error.message
    }
  }
  function put(detail: IncidentDetail) {
    box.detail = detail
    box.at = now.value
    box.error = ''
    if (detail.timezone) { home ||= session.zone; session.zone = detail.timezone }
  }
  useLive('incident', (i) => { if (i.id === id) soon ??= setTimeout(() => { soon = undefined; void load() }, 300) })
  useLive('refetch', () => void load())
  const stop = onDone((detail) => { if (detail.id === id) put(detail) })
  onMounted(load)
  onBeforeUnmount(() => { stop(); clearTimeout(soon); if (home) session.zone = home })
  return box
}
