// The calls about sites, devices, their values and what is missing of them.
import { get, part, send } from '../api'
import type { Device, Journal, Ledger, Parked, Series, SiteDetail, SiteLedger } from '../types'

const deviceIn = (d: Device): Device => ({ ...d, points: d.points ?? [] })
const seriesIn = (s: Series): Series => ({ ...s, points: s.points ?? [], gaps: s.gaps ?? [] })

export const dataApi = {
  site: (id: string) => get<SiteDetail>(`/sites/${part(id)}`).then((s) => ({ ...s, devices: (s.devices ?? []).map(deviceIn) })),
  device: (gateway: string, id: string) => get<Device>(`/devices/${part(gateway)}/${part(id)}`).then(deviceIn),
  ledger: (gateway: string, id: string, point: string | undefined, from: number, to: number) =>
    get<Ledger>(`/ledger/${part(gateway)}/${part(id)}`, { point, from: Math.round(from), to: Math.round(to) }),
  siteLedger: (id: string) => get<SiteLedger>(`/sites/${part(id)}/ledger`).then((s) => ({ ...s, devices: s.devices ?? [] })),
  journal: (before?: number) => get<Journal>('/journal', { before, limit: 20 }),
  parked: () => get<Parked>('/parked'),
  reapply: (id: number) => send<Parked>('POST', `/parked/${id}/reapply`, {}),
  series: (gateway: string, id: string, point: string, from: number, to: number, max = 600) =>
    get<Series>(`/series/${part(gateway)}/${part(id)}/${part(point)}`, { from: Math.round(from), to: Math.round(to), max }).then(seriesIn),
}
