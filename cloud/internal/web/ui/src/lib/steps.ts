// Where an incident stands among the eight steps, and what is due. Pure; the order is that of incident/steps.go.
import type { Incident } from './types'
import { stepNames, type StepDone, type StepName } from './types/desk'

/** What must follow: the key of its limit. "finished" is said within the handling. */
export function nextOf(i: Pick<Incident, 'step' | 'finishedAt'>): StepName | 'finished' | undefined {
  if (i.step === 'in_progress') return i.finishedAt ? 'checked' : 'finished'
  if (i.step === 'closed' || i.step === 'rated') return undefined
  return stepNames[stepNames.indexOf(i.step) + 1]
}

/** Until when that is due; undefined without a limit or while it is put off. */
export function stepDue(i: Pick<Incident, 'step' | 'finishedAt' | 'stepDue' | 'suspendedAt'>): { next: string; at: number } | undefined {
  const next = nextOf(i)
  return next && i.stepDue && !i.suspendedAt ? { next, at: i.stepDue } : undefined
}

export interface Stop { name: StepName; state: 'done' | 'now' | 'ahead' | 'skipped'; at?: number; by?: string; late?: boolean }

/** The eight steps with who reached each when; of one that was reached again the last time counts. */
export function stops(i: Pick<Incident, 'step' | 'stepAt' | 'since'>, done: StepDone[]): Stop[] {
  const here = stepNames.indexOf(i.step)
  return stepNames.map((name, n) => {
    const reached = [...done].reverse().find((s) => s.to === name && s.from !== name)
    const state = n === here ? 'now' : n > here ? 'ahead' : reached || n === 0 ? 'done' : 'skipped'
    if (n > here) return { name, state }
    return { name, state, at: reached?.at ?? (n === 0 ? i.since : undefined), by: reached?.by, late: reached?.late }
  })
}
