// Shapes of the organisation, of duty, of people and of what they did. Times are Unix milliseconds.
import type { Emergency, Grant, Severity, Text } from '../types'

export interface Person { name: string; phone?: string }
export interface NodeEntry { record: 'contact' | 'team' | 'resource'; kind: string; name: string; phone?: string; position?: string; stock?: number }
export interface Shift { role: string; name: string; phone?: string; mode?: string; days: string; hours: string; zone?: string }
export interface OrgNode {
  id: string; parent?: string; depth: number; kind: string; name: string; sites?: string[]
  owner?: Person; deputy?: Person; entries?: NodeEntry[]; shifts?: Shift[]; responsible?: Person & { as: 'owner' | 'deputy'; node: string }
}
export interface Holder extends Person { role?: string; as: 'shift' | 'handover' | 'owner' | 'deputy' | 'fallback' | 'desk'; node: string; until?: number }
export interface Relief { id: number; node: string; role: string; leaver?: string; taker: Person; from: number; until: number; note?: string; at: number; who: string }
export interface Duty { at: number; emergency: boolean; duty: Holder[]; roster: Shift[]; handovers: Relief[] }
export interface ModeChange { id: number; node: string; kind: 'planned' | 'begun' | 'moved' | 'ended' | 'expired'; at: number; from: number; until: number; who?: string; reason?: string }
export interface ModeNow extends Partial<Emergency> { emergency: boolean; own?: ModeChange; timeline: ModeChange[] }
export interface Resource extends NodeEntry { node: string; nodeName?: string }

export interface Receiver { id: string; name: string; kind: string; severities: Severity[]; sites: string[]; waiting: number; fullMs?: number; lastAt?: number; lastOk?: boolean; lastAnswer?: string }
export interface TestAnswer { ok: boolean; answer: string; at: number; tookMs: number }
export interface Ladder { severity: Severity; remindMs?: number; most?: number; rungs: { tell: string[]; by: string[] }[] }

export interface Account { name: string; grants: Grant[]; elsewhere?: boolean; mustChange?: boolean; outside?: boolean; created: number; seen?: number; locked?: number; sessions: number }
export interface OwnSession { id: string; address: string; created: number; used: number; here?: boolean }
export interface AuditEntry { seq: number; at: number; who: string; role?: string; address?: string; act: string; kind?: string; about?: string; node?: string; site?: string; text?: Text; detail?: Record<string, string>; hash: string }
export interface AuditPage { entries: AuditEntry[]; next?: number; head: string }
export interface AuditCheck { from: number; to: number; entries: number; head: string; faults: { seq: number; text: Text }[] }
