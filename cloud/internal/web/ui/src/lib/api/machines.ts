// The calls of the pages about devices, gateways, reports and the cloud itself.
import { address, get, part, send } from '../api'
import type { Choice, Command, Desired, DeviceList, DevicePast, Dock, Invited, MachineDetail, MachineList, OrgNode, OwnState, Pushed, Report, Standing, Updates } from '../types/machines'

type Query = Record<string, string | number | undefined>
export const machinesApi = {
  devices: (q: Query) => get<DeviceList>('/devices', q),
  machines: (q: Query) => get<MachineList>('/machines', q),
  machine: (id: string) => get<MachineDetail>(`/machines/${part(id)}`),
  certificates: () => get<{ gateways: Standing[] | null; ca?: string }>('/gateways'),
  invite: (gateway: string, site: string, hours: number) => send<Invited>('POST', `/gateways/${part(gateway)}/enrolment`, site ? { site, hours } : { hours }),
  renewal: (gateway: string) => send<unknown>('POST', `/gateways/${part(gateway)}/renewal`, {}),
  revoke: (gateway: string, reason: string) => send<unknown>('DELETE', `/gateways/${part(gateway)}/certificate?reason=${part(reason)}`),
  desired: (gateway: string) => get<Desired>(`/gateways/${part(gateway)}/desired`),
  config: (gateway: string) => get<Pushed>(`/gateways/${part(gateway)}/config`),
  revert: (gateway: string, to: number, reason: string) => send<Pushed>('POST', `/gateways/${part(gateway)}/config/revert`, { to, reason }),
  past: (gateway: string, device: string, hours: number) => get<DevicePast>(`/devices/${part(gateway)}/${part(device)}/past`, { hours }),
  commands: (q: Query) => get<{ commands: Command[] | null }>('/commands', q),
  decide: (id: string, deed: 'approve' | 'withdraw') => send<Command>('POST', `/commands/${part(id)}/${deed}`, {}),
  updates: () => get<Updates>('/updates'),
  startUpdate: (u: { version: string; after: number; stepMinutes: number; watchMinutes: number; reason: string }) => send<Updates>('POST', '/updates', u),
  moveUpdate: (u: { rollout: number; wasRing: number; wasStopped: boolean; ring: number; reason: string }) => send<Updates>('POST', '/updates/ring', u),
  stopUpdate: (u: { rollout: number; reason: string }) => send<Updates>('POST', '/updates/stop', u),
  choices: (gateway: string, device: string) => get<{ choices: Choice[] }>(`/devices/${part(gateway)}/${part(device)}/choices`),
  move: (gateway: string, c: { device: string; point: string; value: number; reason: string; for: number }) => send<Command>('POST', `/gateways/${part(gateway)}/commands`, c),
  own: () => get<OwnState>('/system'),
  docks: () => get<{ targets: Dock[] | null }>('/dock'),
  answer: (id: string) => send<{ targets: Dock[] | null }>('POST', `/dock/${part(id)}/answer`, {}),
  report: (q: Query) => get<Report>('/report', q),
  reportAddress: (kind: 'csv' | 'html', q: Query) => address(`/report.${kind}`, q),
  nodes: () => get<{ nodes: OrgNode[] | null }>('/org'),
}
