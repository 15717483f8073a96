// Devices on a page: grouped by kind, the points that matter first, live readings put in. Pure.
import type { Device, PointValue, Readings } from './types'

const kinds = ['gas', 'valve', 'siren', 'socket', 'door', 'camera', 'meter', 'gateway']
const first: Record<string, string[]> = {
  gas: ['level', 'status'],
  socket: ['power', 'relay', 'plugged', 'current', 'energy', 'temperature', 'voltage'],
  meter: ['power', 'voltage', 'current', 'energy'],
  door: ['contact', 'lock', 'fire', 'tamper'],
  camera: ['connected', 'frozen', 'fps', 'bitrate'],
  gateway: ['uptime', 'backlog_events', 'backlog_telemetry', 'disk_free', 'buffer_time'],
}

/** Kinds in the order of danger, each with its devices by id; unknown kinds last. */
export function byKind(devices: Device[]): { kind: string; devices: Device[] }[] {
  const groups = new Map<string, Device[]>()
  for (const d of devices) groups.set(d.kind, [...(groups.get(d.kind) ?? []), d])
  const rank = (kind: string) => { const n = kinds.indexOf(kind); return n < 0 ? kinds.length : n }
  return [...groups]
    .map(([kind, list]) => ({ kind, devices: list.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true })) }))
    .sort((a, b) => rank(a.kind) - rank(b.kind) || a.kind.localeCompare(b.kind))
}

/** The points of a device, those people look for first. */
export function pointsInOrder(d: Pick<Device, 'kind' | 'points'>): PointValue[] {
  const wanted = first[d.kind] ?? []
  const rank = (p: PointValue) => { const n = wanted.indexOf(p.name); return n < 0 ? wanted.length : n }
  return [...d.points].sort((a, b) => rank(a) - rank(b))
}

/** The point a chart begins with. */
export const mainPoint = (d: Pick<Device, 'kind' | 'points'>) => pointsInOrder(d)[0]?.name

/** Puts readings into a device; an older value never replaces a newer one. */
export function update(d: Device, r: Readings) {
  if (d.gateway !== r.gateway || d.id !== r.device) return
  for (const p of r.points) {
    const at = d.points.findIndex((known) => known.name === p.name)
    if (at < 0) d.points.push(p)
    else if (p.at >= d.points[at]!.at) d.points[at] = { ...d.points[at]!, ...p, reason: p.reason, label: p.label, offset: p.offset }
  }
}

/** Units of what only grows: energy, gas, water, heat (org/steps.go). */
export const counts = (unit: string) => ['Wh', 'kWh', 'MWh', 'kvarh', 'kVAh', 'm3', 'm³', 'L', 'GJ'].includes(unit)
