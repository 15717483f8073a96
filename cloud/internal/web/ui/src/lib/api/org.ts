// The calls about the organisation, duty, people and what they did.
import { get, part, send } from '../api'
import type { Grant } from '../types'
import type { Account, AuditCheck, AuditPage, Duty, Holder, Ladder, ModeNow, OrgNode, OwnSession, Receiver, Resource, TestAnswer } from '../types/org'

type Phones = 'full' | undefined
const at = (node: string) => `/org/${part(node)}`

export const org = {
  nodes: (phones?: Phones) => get<{ nodes: OrgNode[] }>('/org', { phones }).then((o) => o.nodes ?? []),
  ofSite: (site: string, phones?: Phones) => get<{ nodes: OrgNode[]; duty: Holder[] }>(`/sites/${part(site)}/org`, { phones }).then((o) => ({ nodes: o.nodes ?? [], duty: o.duty ?? [] })),
  duty: (node: string, phones?: Phones, when?: number) => get<Duty>(`${at(node)}/duty`, { phones, at: when }).then((d) => ({ ...d, duty: d.duty ?? [], roster: d.roster ?? [], handovers: d.handovers ?? [] })),
  handOver: (node: string, how: { role: string; leaver?: string; taker: string; until: number; note?: string }) => send<Duty>('POST', `${at(node)}/handovers`, how),
  mode: (node: string) => get<ModeNow>(`${at(node)}/mode`).then((m) => ({ ...m, timeline: m.timeline ?? [] })),
  switch: (node: string, to: { mode: 'ordinary' | 'emergency'; until?: number; reason?: string }) => send<ModeNow>('POST', `${at(node)}/mode`, to).then((m) => ({ ...m, timeline: m.timeline ?? [] })),
  resources: (node: string, phones?: Phones) => get<{ resources: Resource[]; devices: { kind: string; total: number; online: number }[] }>('/org/resources', { node, phones }).then((r) => ({ resources: r.resources ?? [], devices: r.devices ?? [] })),
  ladders: () => get<{ ladders: Ladder[]; receivers: number; failing: number }>('/ladders'),
  receivers: () => get<{ receivers: Receiver[] }>('/receivers').then((r) => ({ receivers: r.receivers ?? [] })),
  /** The provider itself is asked: that takes its time. */
  test: (id: string, phone?: string) => send<TestAnswer>('POST', `/receivers/${part(id)}/test${phone ? `?phone=${part(phone)}` : ''}`, {}, 30_000),
}

export const people = {
  list: () => get<{ users: Account[] }>('/users').then((u) => ({ users: u.users ?? [] })),
  create: (name: string, grants: Grant[], password?: string) => send<{ name: string; password: string }>('POST', '/users', { name, grants, password }),
  change: (name: string, how: { grants?: Grant[]; password?: string; unlock?: boolean; endSessions?: boolean }) => send<{ users: Account[] }>('PATCH', `/users/${part(name)}`, how),
  remove: (name: string) => send<void>('DELETE', `/users/${part(name)}`),
  sessions: () => get<{ sessions: OwnSession[] }>('/sessions').then((s) => ({ sessions: s.sessions ?? [] })),
  end: (id: string) => send<void>('DELETE', `/sessions/${part(id)}`),
  password: (old: string, made: string) => send<unknown>('POST', '/password', { old, new: made }),
}

export const audit = {
  list: (query: { who?: string; act?: string; before?: number }) => get<AuditPage>('/audit', { ...query, limit: 50 }).then((p) => ({ ...p, entries: p.entries ?? [] })),
  verify: () => get<AuditCheck>('/audit/verify').then((c) => ({ ...c, faults: c.faults ?? [] })),
}
