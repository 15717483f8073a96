// The calls of the pages about rules.
import { get, part, send } from '../api'
import type { Pushed } from '../types/machines'
import type { CheckedDraft, Replayed, RuleDetail, RuleList } from '../types/rules'

export const rulesApi = {
  list: () => get<RuleList>('/rules'),
  one: (id: string) => get<RuleDetail>(`/rules/${part(id)}`),
  check: (draft: string) => send<CheckedDraft>('POST', '/rules/check', { draft }),
  push: (gateway: string, rule: string, draft: string, reason: string) => send<Pushed>('PUT', `/gateways/${part(gateway)}/rules/${part(rule)}`, { draft, reason }),
  /** The server stops after 10 s by itself. */
  replay: (draft: string, sites: string[], hours: number, token: string, left: AbortSignal) => send<Replayed>('POST', '/rules/replay', { draft, sites, hours, token }, 20_000, undefined, left),
}
