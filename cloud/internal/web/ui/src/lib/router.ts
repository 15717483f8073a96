// A history router for a handful of pages.
import { reactive } from 'vue'
import { lost, pages, type Page } from './pages'
import { match } from './router-table'

export interface Route { name: string; params: string[]; path: string; query: URLSearchParams }

function here(): Route {
  return { ...match(pages, location.pathname), path: location.pathname, query: new URLSearchParams(location.search) }
}

/** Where the reader is. */
export const route: Route = reactive(here()) as Route
/** The line of the table that the reader is at. */
export const pageOf = (name: string): Page => pages.find((p) => p.name === name) ?? lost
let steps = 0

function sync() { Object.assign(route, here()) }

export function go(path: string, replace = false) {
  history[replace ? 'replaceState' : 'pushState'](null, '', path)
  if (!replace) steps++
  const samePage = path.split('?')[0] === route.path
  sync()
  if (!samePage) scrollTo(0, 0)
}

/** One page back; to the given page when this one was opened from outside, by a link in a message. */
export function back(otherwise: string) {
  if (steps > 0) history.back()
  else go(otherwise, true)
}

export function startRouter() {
  addEventListener('popstate', () => { steps = Math.max(0, steps - 1); sync() })
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element | null)?.closest?.('a')
    if (!link || link.target || link.origin !== location.origin || link.getAttribute('href')?.startsWith('#')) return
    event.preventDefault()
    go(link.pathname + link.search)
  })
}
