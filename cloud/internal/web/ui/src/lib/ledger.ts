// What the integrity strip shows of the ledger's spans. Pure.
import type { LedgerSpan, SiteLedger } from './types'

/** Kinds of a span: each has its own pattern, so that colour never stands alone. */
export type LedgerKind = 'data' | 'device' | 'gateway' | 'coming' | 'lost' | 'absent'

const kinds: Record<string, LedgerKind> = {
  not_configured: 'absent', gateway_off: 'gateway', clock_unknown: 'gateway', link_down: 'coming', late: 'coming',
  evicted: 'lost', damaged: 'lost', rejected: 'lost', parked: 'lost', write_failed: 'lost', restored: 'lost', power_cut: 'lost', unexplained: 'lost', missing: 'lost',
}
/** The kind of a reason; one that is not known here is a reading's own. */
export const kindOf = (s: Pick<LedgerSpan, 'state' | 'reason'>): LedgerKind => (s.state === 'data' ? 'data' : kinds[s.reason ?? ''] ?? 'device')

const advice = {
  bus_down: 'bus', channel_down: 'bus', device_silent: 'device', timeout: 'device', corrupt: 'device', mismatch: 'device', not_read: 'device', auth_failed: 'device',
  gateway_off: 'gateway', clock_unknown: 'clock', link_down: 'link', late: 'late', parked: 'parked', not_configured: 'absent', warming_up: 'absent', unexplained: 'unexplained', missing: 'unexplained',
} as const
export type Advice = (typeof advice)[keyof typeof advice] | 'lost' | 'value'
/** What can be done about a reason. */
export const adviceOf = (reason: string): Advice => advice[reason as keyof typeof advice] ?? (kinds[reason] === 'lost' ? 'lost' : 'value')

export interface Piece { kind: LedgerKind; left: number; width: number }

/** Pieces of the strip in per cent of its width, in order. A short hole is as wide as one can see, never nothing. */
export function pieces(spans: LedgerSpan[], from: number, to: number, least = 0.4): Piece[] {
  const whole = to - from
  if (!(whole > 0)) return []
  return spans.map((s) => {
    const width = ((s.to - s.from) / whole) * 100
    const wide = s.state === 'data' ? width : Math.max(width, least)
    return { kind: kindOf(s), left: Math.min(((s.from - from) / whole) * 100, 100 - wide), width: wide }
  })
}

/** The span at a place of the strip, 0…1; near a short hole, that hole. */
export function spanAt(spans: LedgerSpan[], from: number, to: number, x: number): number {
  const at = from + Math.min(1, Math.max(0, x)) * (to - from), near = (to - from) / 60
  let best = -1
  spans.forEach((s, n) => {
    if (s.state === 'none' && s.from - near <= at && at <= s.to + near && (best < 0 || distance(s, at) < distance(spans[best]!, at))) best = n
  })
  const inside = spans.findIndex((s) => s.from <= at && at < s.to)
  return best >= 0 ? best : inside < 0 ? spans.length - 1 : inside
}

const distance = (s: LedgerSpan, at: number) => Math.max(s.from - at, at - s.to, 0)

/** Reasons by how much they cost, the largest first. */
export const byCost = (reasons: Record<string, number>) => Object.entries(reasons).sort((a, b) => b[1] - a[1])

/** How long the devices of a site have been attached, when none was there from the begin; else undefined. */
export function attachedFor(s: Pick<SiteLedger, 'devices'>): number | undefined {
  const there = s.devices.filter((d) => d.dueMs > 0)
  return there.length && there.every((d) => d.reasons.not_configured) ? Math.max(...there.map((d) => d.dueMs)) : undefined
}

/** "99.97", never "100" unless it is all. */
export const percent = (share: number) => (share >= 100 ? '100' : Math.min(share, 99.99).toFixed(share < 99 ? 1 : 2))
