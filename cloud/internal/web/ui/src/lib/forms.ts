// The deeds of an incident as forms: what each asks for beside what the API says that it needs. One table, no component per
// deed; a deed that this page does not know is a form of its needs. Pure.
import type { Next } from './types/desk'

export type FieldName = 'note' | 'photo' | 'measured' | 'to' | 'until' | 'whistle' | 'outcome' | 'rating' | 'severity'
export interface Form { fields: FieldName[]; required: FieldName[] }

/** What can be given besides, without being needed. */
const besides: Record<string, FieldName[]> = {
  verify: ['severity', 'note', 'photo'], accept: ['severity', 'note'], check: ['note', 'photo'], close: ['note', 'photo', 'measured'],
  reject: ['photo'], rework: ['photo'], rate: ['note'], resume: ['note'], dispatch: ['note'],
}
/** Done by one tap: there is nothing to say. */
const direct = new Set(['begin'])
/** The next thing that whoever is here should do, first the likeliest. */
const main = ['take', 'begin', 'resume', 'close', 'check', 'finish', 'verify', 'accept', 'dispatch', 'rate']
const order: FieldName[] = ['outcome', 'rating', 'to', 'severity', 'whistle', 'until', 'note', 'photo', 'measured']

export function formOf(next: Next, active: boolean): Form {
  const needs = next.needs ?? []
  const required: FieldName[] = needs.flatMap((n) => (n === 'evidence' ? [] : [n as FieldName]))
  // To close or to reject what still goes on needs a reason.
  if (active && (next.deed === 'close' || next.deed === 'reject') && !required.includes('note')) required.push('note')
  const all = new Set<FieldName>([...required, ...(needs.includes('evidence') ? (['note', 'photo', 'measured'] as const) : []), ...(besides[next.deed] ?? [])])
  return { fields: order.filter((f) => all.has(f)), required }
}
export const isDirect = (next: Next) => direct.has(next.deed)

/** The deed for the big button; the others in the order of the API. */
export function primary(list: Next[]): { first?: Next; others: Next[] } {
  const first = main.map((deed) => list.find((n) => n.deed === deed)).find(Boolean)
  return { first, others: list.filter((n) => n !== first) }
}

/** What is missing, or nothing. evidence: a note, a photo or a measured value. */
export function missing(next: Next, form: Form, has: Partial<Record<FieldName, boolean>>): FieldName | 'evidence' | undefined {
  const field = form.required.find((f) => !has[f])
  if (field) return field
  return next.needs?.includes('evidence') && !has.note && !has.photo && !has.measured ? 'evidence' : undefined
}
