// The shapes of the cloud's JSON API (/api/v1). Times are Unix milliseconds.

import type { AlertOf, Answers, Next, Photo, Progress, StepDone } from './types/desk'

export type Lang = 'zh' | 'en'
export type Text = Record<Lang, string>
export type Severity = 'A' | 'B' | 'C'
export type Handling = 'open' | 'handling' | 'closed'
export type Outcome = 'real' | 'false_alarm' | 'drill' | 'device_fault'
export type Quality = 'good' | 'uncertain' | 'bad'

/** What an operation can need (auth/rights.go). */
export type Right = 'see' | 'take' | 'work' | 'rate' | 'dispatch' | 'mode' | 'dial' | 'command' | 'look' | 'install' | 'manage' | 'audit'
export interface Grant { role: string; node?: string }

export interface Session {
  user: { name: string; role: string; grants?: Grant[]; mustChange?: boolean } // role "link": the holder of a signed link, who sees one incident
  /** Where the caller holds each right: nodes of the organisation, with all below them; "" is the whole street. */
  rights: Partial<Record<Right, string[]>>
  demo: boolean
  gateway?: { id: string; url: string } // in a demo: the gateway that it is about, and its own page
  now: number
  version: string
  timezone?: string
}

export interface Incident extends Progress {
  id: string
  site: string
  siteName: string
  gateway: string
  device: string
  deviceName: string
  place: string
  severity: Severity
  title: Text
  condition: 'active' | 'recovered' | 'none' // none: people reported it, no sensor says whether it lasts
  handling: Handling
  since: number
  recoveredAt?: number
  takenBy?: string
  takenAt?: number
  closedBy?: string
  closedAt?: number
  outcome?: Outcome
  rule: string
  value?: { point: string; unit: string; value: number | null; limit?: number; above?: boolean }
  deadline?: number // until when somebody must have taken it
  /** It happened while the gateway was cut off, and was told later. */
  late?: boolean
  shadow: boolean
  shelved?: boolean // it fired too often: nobody is told for a while
  /** It came while its site was under maintenance. */
  window?: boolean
  /** Its device is snoozed (静默): recorded, and nobody is told until then. */
  snooze?: { until: number; who: string }
  severityNow?: Severity // when it has become less than it was at its worst
  rung?: number // of the rule's ladder: 0 as it began
  overdue?: 0 | 1 | 2 | 3 // how far the handling is behind: 常规, 联合, 攻坚
}

export interface Evidence { name: string; unit: string; value: number | null; quality: Quality; reason?: string }
export interface Limit { point: string; unit: string; value: number; above: boolean }
export type Step = 'fired' | 'action' | 'notified' | 'taken' | 'recovered' | 'closed' | 'note' | 'severity' | 'overdue' | 'step'
export interface TimelineEntry { at: number; kind: Step; text: Text; by?: string }

export interface IncidentDetail extends Incident {
  message: Text
  why: Text
  parts?: Text[] // the rule's condition with the values it saw, a line each
  evidence: Evidence[]
  card: Text[]
  limit?: Limit
  chart?: { gateway: string; device: string; point: string; from: number; to: number }
  timeline: TimelineEntry[]
  alerts: AlertOf[]
  steps: StepDone[]
  photos: Photo[]
  next: Next[]
  answers: Answers
  snoozable: boolean
  previous?: { id: string; closedAt?: number; outcome?: Outcome }
  timezone?: string
}

export interface Counts { open: number; handling: number; closed: number }
export interface IncidentPage { incidents: Incident[]; counts: Counts; next?: string; now: number }

export interface Site {
  id: string
  name: string
  gateway: string
  online: boolean
  lastSeen: number
  open: Record<Severity, number>
  /** The incident that tells of its silence, while it is not closed. */
  silence?: string
  devices: { total: number; good: number; bad: number }
  timezone?: string
}

export interface PointValue {
  name: string
  unit: string
  value: number | null
  label?: string
  quality: Quality
  reason?: string
  at: number
  pollMs: number
  reportMs?: number // only sent when it changes, and after this time in any case
  offset?: number // of value: what the meters counted that hung there before (换表)
}

export interface Device {
  gateway: string
  id: string
  name: string
  kind: string
  model: string
  place: string
  zone: string
  site: string
  siteName: string
  online: boolean
  since: number
  reason?: string
  points: PointValue[]
}

/** One site with its devices in place of their totals. */
export type SiteDetail = Omit<Site, 'devices'> & { devices: Device[] }

export interface Span { from: number; to: number; reason?: string }
export interface Series {
  unit: string
  from: number
  to: number
  downsampled: boolean
  points: [number, number, number][] // time, minimum, maximum
  gaps: Span[]
  bad?: Span[] // runs of readings that were bad
  uncertain?: Span[] // runs that were uncertain; absent when the server does not say
}

/** One that is under way. */
export interface Emergency { node: string; name: string; from: number; until: number; who: string; reason: string }

/** A time of one state, without holes between them: data, or why not. */
export interface LedgerSpan { from: number; to: number; state: 'data' | 'none'; reason?: string }
export interface LedgerSummary { share: number; dataMs: number; dueMs: number; reasons: Record<string, number> }
export interface Ledger { spans: LedgerSpan[]; summary: LedgerSummary }
export interface DeviceShare extends LedgerSummary { gateway: string; device: string; name: string; kind: string }
export interface SiteLedger extends LedgerSummary { from: number; to: number; devices: DeviceShare[] }

export interface JournalEntry { id: number; at: number; gateway: string; kind: string; text: Text }
export interface Journal { entries: JournalEntry[]; next?: number }
export interface ParkedRecord { id: number; gateway: string; stream: string; seq: number; bytes: number; why: string; parkedAt: number; at: number }
export interface RefusedReadings { gateway: string; device: string; point: string; why: string; n: number; from: number; to: number }
export interface Parked { records: ParkedRecord[]; readings: RefusedReadings[] }

export interface Readings { gateway: string; device: string; points: PointValue[] }
