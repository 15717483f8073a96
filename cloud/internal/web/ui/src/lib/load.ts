// Reads something for a page and says in words when that does not work.
import { onBeforeUnmount, onMounted, reactive } from 'vue'
import { ApiError } from './api'
import { now, useLive } from './live'
import { turns } from './turns'

/** at: when data was read, in ms of the server's clock. */
export interface Loaded<T> { data: T | undefined; at: number; error: string; gone: boolean; load(): Promise<void> }

/**
 * Reads at once, again when the live stream may have missed something (not with once), and on demand. An answer that a newer
 * one has overtaken is let go, and so is one about something else than what the page asks for by now (about: the filters).
 */
export function useLoad<T extends object>(read: () => Promise<T>, { once = false, about = () => '' }: { once?: boolean; about?: () => string } = {}): Loaded<T> {
  const box = reactive({ data: undefined, at: 0, error: '', gone: false, load }) as Loaded<T>
  const next = turns(about)
  async function load() {
    const counts = next()
    try {
      const data = await read()
      if (!counts()) return
      box.data = data
      box.at = now.value
      box.error = ''
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (!counts()) return
      if (error.status === 404) box.gone = true
      else if (error.status !== 401) box.error = error.message
    }
  }
  onMounted(load)
  if (!once) useLive('refetch', () => void load())
  return box
}

/** Makes of many calls one, so long after the first of them; none when the page has been left. */
export function useBurst(call: () => unknown, ms = 500): () => void {
  let soon: ReturnType<typeof setTimeout> | undefined
  onBeforeUnmount(() => clearTimeout(soon))
  return () => { soon ??= setTimeout(() => { soon = undefined; void call() }, ms) }
}

/** Reads again when rounds or duty checks have changed: once for a burst of events. */
export function useOrg(load: () => unknown) { useLive('org', useBurst(load)) }
