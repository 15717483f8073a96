// What people do with an incident (incident/steps.go), orders and receipts. Times are Unix milliseconds.
import type { Severity, Text } from '../types'

export type StepName = 'reported' | 'verified' | 'accepted' | 'dispatched' | 'in_progress' | 'checked' | 'closed' | 'rated'
export const stepNames: StepName[] = ['reported', 'verified', 'accepted', 'dispatched', 'in_progress', 'checked', 'closed', 'rated']
export interface Assignee { kind: 'person' | 'team' | 'node'; id: string; name?: string }
export interface Progress {
  step: StepName
  stepAt: number
  stepDue?: number
  stepLate?: boolean
  finishedBy?: string
  finishedAt?: number
  source: 'sensor' | 'person' | 'complaint'
  category: 'danger' | 'maintenance'
  whistle: 1 | 2 | 3
  assignee?: Assignee
  urged?: number
  reworked?: number
  disputed?: boolean
  suspendedAt?: number
  suspendedUntil?: number
  suspendedBy?: string
  reporter?: string
  rating?: number
  alertCount: number
  cause?: { kind: string; text: Text }
  mergedInto?: string
}
export type Need = 'note' | 'evidence' | 'to' | 'until' | 'whistle' | 'outcome' | 'rating'
/** A deed that the caller can do now. */
export interface Next { deed: string; text: Text; to?: StepName; needs?: Need[] }
export interface Photo { id: string; step?: number; at: number; by: string; width: number; height: number }
export interface Measured { name: string; value: number; unit?: string }
export interface StepDone {
  n: number; deed: string; text: Text; from?: StepName; to: StepName; at: number; by?: string; note?: string; due?: number; late?: boolean
  measured?: Measured[]; assignee?: Assignee; photos?: Photo[]
}
export interface AlertOf {
  id: string; gateway: string; device: string; deviceName: string; place: string; rule: string; severity: Severity; severityNow: Severity
  title: Text; condition: 'active' | 'recovered'; since: number; recoveredAt?: number; firstOut?: boolean; joined?: string; chattering?: boolean; fleeting?: boolean
  /** It ends only when a person resets it on site. */
  latched?: boolean
}
export interface Answers { whistle: number; text: Text; node?: string; name?: string; person?: string }
/** What comes with a deed. */
export interface Given {
  note?: string; photos?: string[]; measured?: Measured[]; to?: Assignee; severity?: Severity; outcome?: string; evenActive?: boolean; whistle?: number; until?: number; rating?: number
}
export interface Person { name: string; phone?: string }
export interface FlowNode { id: string; kind: string; name: string; responsible?: Person & { as: string; node: string }; entries?: { record: string; kind: string; name: string; phone?: string }[] }
export interface Flow { limits: Record<string, number>; commanders: Answers[]; nodes: FlowNode[]; duty: (Person & { role?: string; as: string; node: string; until?: number })[] }
export interface Tally { total: number; without: Record<string, number> }
export interface Order { id: number; node: string; place: string; text: string; needs: 'read' | 'done'; at: number; due?: number; who: string; late: number; total: number; read: number; done: number }
export interface OrderPart { node: string; name: string; total: number; read: number; done: number; late: number }
export interface Asked { node: string; nodeName: string; account?: string; name?: string; readAt?: number; doneAt?: number; late?: boolean; who?: string; note?: string }
export interface OrderNow extends Order { parts: OrderPart[]; here: Asked[]; mine: Asked[] }
export interface OrgNode { id: string; parent?: string; depth: number; kind: string; name: string }
