// 上报 that survives a bad connection: kept in the browser with its photos and its key, so that sent twice it is one report.
import { reactive } from 'vue'
import { ApiError } from './api'
import { report, upload } from './api/desk'
import { fromURL } from './shrink'
import type { Severity } from './types'

export interface Draft { key: string; at: number; kind: string; site: string; place: string; text: string; severity: Severity | ''; photos: string[]; ids: string[]; why?: string }

export const unsent = reactive<{ list: Draft[]; busy: boolean; full: boolean }>({ list: load(), busy: false, full: false })

function load(): Draft[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem('reports') ?? '[]')
    return Array.isArray(list) ? list.filter((d) => typeof d?.key === 'string' && typeof d?.kind === 'string').map((d) => ({ ...d, photos: d.photos ?? [], ids: d.ids ?? [] })) : []
  } catch { return [] }
}
function save() {
  const put = (list: Draft[]) => (list.length ? localStorage.setItem('reports', JSON.stringify(list)) : localStorage.removeItem('reports'))
  unsent.full = false
  try { put(unsent.list) } catch {
    unsent.full = true
    try { put(unsent.list.map((d) => ({ ...d, photos: [] }))) } catch { /* the page still has it */ }
  }
}

/** A key that no other report has; crypto.randomUUID is not there on a page without TLS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')
}

/** Keeps a report and sends it. Answers its number; undefined: it is kept as unsent, and why says what the server has against it. */
export async function submit(draft: Draft): Promise<string | undefined> {
  if (!unsent.list.some((d) => d.key === draft.key)) unsent.list.push(draft)
  save()
  return send(unsent.list.find((d) => d.key === draft.key)!)
}

async function send(d: Draft): Promise<string | undefined> {
  try {
    while (d.ids.length < d.photos.length) {
      d.ids.push((await upload(fromURL(d.photos[d.ids.length]!))).id)
      save()
    }
    const done = await report(d.key, { kind: d.kind, text: d.text, site: d.site, place: d.place || undefined, severity: d.severity || undefined, photos: d.ids.length ? d.ids : undefined })
    drop(d.key)
    return done.id
  } catch (error) {
    const silent = error instanceof ApiError && (error.offline || error.status === 401)
    d.why = silent ? undefined : error instanceof Error ? error.message : String(error)
    save()
    return undefined
  }
}

/** Tries what is left, one after the other; what the server has refused waits for a person. */
export async function flush(all = false): Promise<void> {
  if (unsent.busy) return
  unsent.busy = true
  for (const d of [...unsent.list]) if (all || !d.why) await send(d)
  unsent.busy = false
}
export function drop(key: string) {
  unsent.list = unsent.list.filter((d) => d.key !== key)
  save()
}
