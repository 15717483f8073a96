// Rounds (巡查) and duty checks (查岗) of the API.
import { address, get, part, send } from '../api'

export interface Stop { n: number; name: string; position?: string; coded?: boolean; checks?: string[]; at?: number; who?: string; how?: string; note?: string; photos?: string[]; incident?: string }
export type RoundState = 'open' | 'done' | 'late' | 'missed' | 'void'
export interface Round { id: number; node: string; place: string; plan: string; role: string; due: number; until: number; state: RoundState; done?: number; points: number; seen: number; stops?: Stop[] }
/** A plan of rounds. */
export interface Plan { node: string; place: string; name: string; role: string; days: string; hours: string; minutes: number; points: { name: string }[] | null; next?: number }
export interface CheckIn { code?: string; at?: number; note?: string; photos?: string[]; finding?: { kind: string; text: string } }
export type CheckState = 'open' | 'answered' | 'missed' | 'untold'
export interface Check { id: number; node: string; place: string; role?: string; source: 'hand' | 'plan' | 'centre'; centre?: string; who?: string; at: number; until: number; state: CheckState; people: { name: string; phone?: string; role?: string; at?: number; who?: string; how?: string }[] }
export interface RandomPlan { node: string; role?: string; days: string; hours: string; times: number; minutes: number }

export const rounds = {
  plans: () => get<{ plans: Plan[] | null }>('/patrol/plans').then((a) => a.plans ?? []),
  /** Those that begin from then on; absent: today's. */
  list: (from?: number, to?: number) => get<{ rounds: Round[] | null }>('/patrol/rounds', { from, to }).then((a) => a.rounds ?? []),
  /** Those of one state in a time, page by page. */
  page: (q: { from: number; to: number; state: RoundState; offset: number; limit: number }) => get<{ rounds: Round[]; next?: number }>('/patrol/rounds', q),
  one: (id: string) => get<Round>(`/patrol/rounds/${part(id)}`),
  checkIn: (id: string, n: number, body: CheckIn, key: string) => send<Round>('POST', `/patrol/rounds/${part(id)}/points/${n}`, body, 15_000, key),
  photoAt: (id: string, photo: string) => address(`/patrol/rounds/${part(id)}/photos/${part(photo)}`),
  checks: () => get<{ checks: Check[] | null }>('/duty-checks', { limit: 100 }).then((a) => a.checks ?? []),
  check: (id: string) => get<Check>(`/duty-checks/${part(id)}`),
  answer: (id: string) => send<Check>('POST', `/duty-checks/${part(id)}/answer`, {}),
  ask: (node: string, body: { role?: string; minutes: number }) => send<Check>('POST', `/org/${part(node)}/duty-checks`, body),
  randomPlans: () => get<{ plans: RandomPlan[] | null }>('/duty-plans').then((a) => a.plans ?? []),
  plan: (node: string, body: { role?: string; days?: string; hours?: string; times: number; minutes: number }) => send<unknown>('PUT', `/org/${part(node)}/duty-plan`, body),
}
