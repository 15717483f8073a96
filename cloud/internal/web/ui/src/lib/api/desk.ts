// The calls of the desk: deeds, photos, lists, orders, reports, ratings.
import { ApiError, address, get, part, send } from '../api'
import { t } from '../i18n'
import type { IncidentDetail, IncidentPage } from '../types'
import type { AlertOf, Assignee, Flow, Order, OrderNow, OrgNode, Photo, Tally } from '../types/desk'
import type { Holder } from '../types/org'

const of = (id: string) => `/incidents/${part(id)}`
export type Filters = Record<string, string | number | undefined>

export const desk = {
  list: (filters: Filters) => get<IncidentPage>('/incidents', { ...filters, brief: 'true' }),
  tally: (filters: Filters) => get<Tally>('/incidents/tally', filters),
  flow: (id: string, phones: 'masked' | 'full') => get<Flow>(`${of(id)}/flow`, { phones }),
  contacts: (id: string) => send<{ duty: Holder[]; desk: Holder[] }>('POST', `${of(id)}/contacts`, {}),
  assignees: (id: string) => get<{ assignees: Assignee[] }>(`${of(id)}/assignees`).then((a) => a.assignees ?? []),
  split: (id: string, alerts: Pick<AlertOf, 'gateway' | 'id'>[], reason: string) => send<IncidentDetail>('POST', `${of(id)}/split`, { alerts: alerts.map((a) => ({ gateway: a.gateway, alert: a.id })), reason }),
  merge: (id: string, into: string, reason: string) => send<IncidentDetail>('POST', `${of(id)}/merge`, { into, reason }),
  rateLink: (id: string) => send<{ link?: string; key: string }>('POST', `${of(id)}/rate-link`, {}),
  toRate: (id: string) => get<{ title: { zh: string; en: string }; at: number; closedAt?: number; rating?: number }>(`${of(id)}/rate`),
  rate: (id: string, rating: number, note?: string) => send<{ rating: number }>('POST', `${of(id)}/rate`, { rating, note }),
  orders: (mine: boolean) => get<{ orders: Order[] }>('/orders', { mine: mine ? 'true' : undefined, limit: 100 }).then((o) => o.orders ?? []),
  order: (id: number) => get<OrderNow>(`/orders/${id}`),
  orderAt: (id: number, node: string) => get<OrderNow>(`/org/${part(node)}/orders/${id}`),
  give: (node: string, o: { text: string; needs: 'read' | 'done'; due?: number }) => send<OrderNow>('POST', `/org/${part(node)}/orders`, o),
  sign: (id: number, r: { done?: boolean; node?: string; note?: string }) => send<{ at: number }>('POST', `/orders/${id}/receipt`, r),
  nodes: () => get<{ nodes: OrgNode[] }>('/org').then((o) => o.nodes ?? []),
}

/** The address of a photo of an incident. */
export const photoAddress = (incident: string, photo: string) => address(`${of(incident)}/photos/${part(photo)}`)

/** A request whose upload tells how far it is, or that carries a key of its own. */
function transfer<T>(path: string, body: Blob | string, headers: Record<string, string>, progress?: (share: number) => void): Promise<T> {
  return new Promise((done, failed) => {
    const x = new XMLHttpRequest()
    x.open('POST', address(path))
    x.timeout = 120_000
    for (const [name, value] of Object.entries({ Accept: 'application/json', 'Accept-Language': document.documentElement.lang, ...headers })) x.setRequestHeader(name, value)
    if (progress) x.upload.onprogress = (e) => { if (e.lengthComputable) progress(e.loaded / e.total) }
    x.onerror = () => failed(new ApiError('network', 0, t('error.network')))
    x.ontimeout = () => failed(new ApiError('timeout', 0, t('error.timeout')))
    x.onload = () => {
      let said: { code?: string; message?: string } = {}
      try { said = JSON.parse(x.responseText) ?? {} } catch { /* a proxy's page: the status must do */ }
      if (x.status >= 200 && x.status < 300) done(said as T)
      else failed(new ApiError(said.code ?? `http_${x.status}`, x.status, said.message || t('error.server', { code: x.status })))
    }
    x.send(body)
  })
}

/** Uploads a photo of an incident, or of none yet when there is no incident: a report takes it within a day. */
export const upload = (photo: Blob, incident?: string, progress?: (share: number) => void) =>
  transfer<Photo>(incident ? `${of(incident)}/photos` : '/photos', photo, { 'Content-Type': 'application/octet-stream' }, progress)

/** Sends a report; the same key again is the same report. */
export const report = (key: string, body: object) => transfer<IncidentDetail>('/reports', JSON.stringify(body), { 'Content-Type': 'application/json', 'Idempotency-Key': key })
