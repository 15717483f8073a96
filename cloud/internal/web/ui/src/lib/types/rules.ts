// The shapes of /rules. Times are Unix milliseconds.
import type { Outcome, Severity, Text } from '../types'

export type Mode = 'armed' | 'notify-only' | 'shadow'
export interface Rule {
  id: string; version: string; title: Text; kind: string
  steps: { severity: Severity; mode: Mode }[]
  fired: number; sites: number; subjects: number // of the last 7 days
  real: number; false: number; other: number // closed within the last 90 days
  last?: number
  others: number // gateways whose newest alert of it is of another version
}
export interface RuleList { rules: Rule[]; hash: string; now: number }
export interface Says {
  expr: string; for?: string; clear?: string; latch?: boolean; unless?: string[]; message: Text
  card?: Text[]; actions?: Text[]; params?: { name: string; value: string; emergency?: string }[]
}
export interface RuleSite { site: string; name: string; gateway: string; subjects: number; fired: number; version?: string; hash?: string }
export interface RuleDetail extends Omit<Rule, 'sites'> { text: string; file: string; says: Says; hash: string; where: RuleSite[] }

export interface DraftProblem { line: number; col: number; message: Text; hint: Text; warning?: boolean }
export interface CheckedDraft { good: boolean; problems: DraftProblem[]; rules: { rule: string; current?: string; draft?: string }[]; file?: string }
export interface ReplaySide { fired: number; neverFired: number; outcomes: Partial<Record<Outcome, number>>; delayMs: number | null; missed: { alert: string; gateway: string; device: string; at: number }[] }
export interface ReplaySpan { rule: string; since: number; fired: number; end?: number; severity: Severity; outcome?: Outcome }
export interface ReplayRow { site: string; gateway: string; device: string; name: string; place: string; current: ReplaySpan[]; draft: ReplaySpan[]; found: { at: number; outcome?: Outcome }[] }
export interface Covered { site: string; name: string; gateway: string; first?: number; to: number; points: number; samples: number; holes: number; holeMs: number; told: number; left?: 'time' | 'nothing' | 'empty' | 'unfit' }
export interface Played {
  from: number; to: number; tookMs: number; samples: number; covered: Covered[]; current: ReplaySide; draft: ReplaySide; both: number
  noisiest: { gateway: string; device: string; name: string; current: number; draft: number }[]
  rows: ReplayRow[]; more?: number
}
export interface Replayed extends CheckedDraft { played?: Played }
