// The shapes of /devices, /machines, /system, /dock, /commands, /report. Times are Unix milliseconds.
import type { PointValue, Severity, Text } from '../types'

export type DeviceState = 'good' | 'suspect' | 'faulty' | 'offline' | 'silent' | 'unknown'
export interface DeviceHealth {
  gateway: string; device: string; name: string; kind: string; place?: string; zone?: string; site: string; siteName: string
  state: DeviceState; trust: 'fresh' | 'stale' | 'unknown'; since?: number; ageMs: number | null; score: number | null; own?: boolean
  reasons: Text[] | null; reason?: string; calibrationDue?: string; overdue?: boolean
}
export interface DeviceList { at: number; devices: DeviceHealth[]; total: number; all: number; states: Partial<Record<DeviceState, number>>; kinds: string[] | null; next?: number }

export interface Machine {
  id: string; site: string; siteName: string; timezone?: string; version: string; online: boolean; since: number; lastSeen: number
  devices: number; silent: number; skewMs: number | null; roomSeconds?: number; roomAt?: number; config?: string; rules?: string; emergency?: boolean; gaps: number
}
export interface MachineList { gateways: Machine[]; total: number; online: number; all: number; versions: Record<string, number>; rules: string; next?: number }
export interface MachineDetail extends Machine { own: PointValue[] }
export interface Standing { gateway: string; site: string; state: 'invited' | 'valid' | 'unused' | 'late' | 'expired' | 'renew_ok' | 'revoked' | 'lapsed'; notAfter?: number; tokenUntil?: number; issued?: number; why?: string }
export interface Invited { gateway: string; token: string; cloud: string; pin: string; invitation: string; expires: number }
export interface Desired { revision: number; emergency: boolean; until?: number; reason?: string; who?: string; applied: boolean; inForce: boolean; answeredAt?: number; why: Text }
export interface Command { id: string; gateway: string; device: string; site: string; point: string; value: number; state: string; reason: string; issuer: string; approver?: string; away: boolean; made: number; ended?: number; due?: number; why?: Text }

/** The newest program that is rolled out, and how each gateway stands with it. */
export interface Rollout { id: number; version?: string; ring: number; stepMs: number; stopped: boolean; why: Text; who?: string; reason?: string; began?: number }
export interface RolloutOf { gateway: string; ring: number; state: 'later' | 'asked' | 'waits' | 'refused' | 'trial' | 'applied' | 'reverted'; why: Text; version: string; answeredAt?: number }
export interface Updates { rollout: Rollout; gateways: RolloutOf[]; versions: { version: string; published: number; files: { os: string; arch: string; size: number }[] }[]; ready: boolean }

/** What can be asked of a device from afar; away: a second person must approve it. */
export interface Choice { point: string; value: number; away: boolean }

export interface Revision { revision: number; who?: string; reason?: string; made?: number; state: 'asked' | 'waits' | 'refused' | 'trial' | 'applied' | 'reverted' | 'none'; why: Text; mistakes: { file: string; line: number; col: number; text: Text }[] | null; inForce: number; answeredAt?: number }
export interface Pushed extends Revision { parts?: Record<string, string>; history: Revision[] | null }
export interface DevicePast {
  from: number; to: number; states: { from: number; to: number; online: boolean; reason?: string }[] | null
  alerts: { incident: string; rule: string; severity: Severity; since: number; end?: number; title: Text }[] | null
  limit?: { rule: string; point: string; unit: string; value: number; above: boolean }
  calibrated?: string; calibrationDue?: string; calibrationNote?: string; health?: DeviceHealth
}

export interface OwnFigure { name: string; help: string; value: number; count?: number }
export interface OwnState { version: string; now: number; waiting: number; store: boolean; figures: OwnFigure[] }
export interface Dock { id: string; name: string; kind: string; waiting: number; oldest?: number; refused: number; lastSent?: number; answer?: string; asked?: number }

export interface FalseRate { of: string; false: number; closed: number; rate: number }
export interface Figures {
  reported: number; handled: number; rate: number | null; responseMs: number | null; steps: { step: string; name: Text; medianMs: number | null; n: number }[] | null
  withinLimit: number | null; reworked: number; falseAlarms: number; falseRate: number | null; falseByRule: FalseRate[] | null; falseBySite: FalseRate[] | null
  selfFound: number; complaints: number; satisfaction: number | null; ratings: number; online: number | null; maintenance: { reported: number; handled: number; rate: number | null }
  alarms: { perHour: number; peakTenMin: number; floods: number; chattering: number; standing: number; badActors: { site: string; device: string; rule: string; n: number }[] | null }
}
export interface Report { node?: string; name?: string; period: string; from: string; to: string; at: number; names?: Record<string, string>; figures: Figures; before: Figures }
export interface OrgNode { id: string; parent?: string; depth: number; kind: string; name: string }
export type { Severity }
