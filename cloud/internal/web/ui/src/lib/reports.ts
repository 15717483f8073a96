// 上报 that survives a bad connection.
import { report } from './api/desk'
import { newKey, outbox, type Entry } from './outbox'
import type { Severity } from './types'

export interface Draft extends Entry { at: number; kind: string; site: string; place: string; text: string; severity: Severity | '' }

const all = outbox('reports', (d: Draft) =>
  report(d.key, { kind: d.kind, text: d.text, site: d.site, place: d.place || undefined, severity: d.severity || undefined, photos: d.ids.length ? d.ids : undefined }))

export { newKey }
export const unsent = all.box
export const { flush, drop } = all

/** Keeps a report and sends it. Answers its number; undefined: it is kept as unsent, and why says what the server has against it. */
export const submit = async (draft: Omit<Draft, 'who'>): Promise<string | undefined> => (await all.add(draft))?.id
