// Reads something for a page and says in words when that does not work.
import { onMounted, reactive } from 'vue'
import { ApiError } from './api'
import { useLive } from './live'

export interface Loaded<T> { data: T | undefined; error: string; gone: boolean; load(): Promise<void> }

/** Reads at once, again when the live stream may have missed something, and on demand. */
export function useLoad<T extends object>(read: () => Promise<T>): Loaded<T> {
  const box = reactive({ data: undefined, error: '', gone: false, load }) as Loaded<T>
  async function load() {
    try {
      box.data = await read()
      box.error = ''
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 404) box.gone = true
      else if (error.status !== 401) box.error = error.message
    }
  }
  onMounted(load)
  useLive('refetch', () => void load())
  return box
}

/** Reads again when rounds or duty checks have changed: once for a burst of events. */
export function useOrg(load: () => unknown) {
  let soon: ReturnType<typeof setTimeout> | undefined
  useLive('org', () => { soon ??= setTimeout(() => { soon = undefined; void load() }, 500) })
}
