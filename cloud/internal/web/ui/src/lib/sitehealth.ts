// How far a site can be trusted, and what it loses points by. Pure.
import type { DeviceHealth } from './types/machines'

export interface HealthPart { device: DeviceHealth; loss: number }
export interface SiteHealth { score: number | undefined; known: number; unknown: number; parts: HealthPart[] }

/** The mean of the devices' scores, and by how many points each takes it down, most first. Devices whose score nobody knows are
 *  counted apart: they are neither well nor ill. */
export function healthOf(devices: DeviceHealth[]): SiteHealth {
  const known = devices.filter((d) => d.score !== null)
  if (!known.length) return { score: undefined, known: 0, unknown: devices.length, parts: [] }
  const parts = known.map((device) => ({ device, loss: (100 - device.score!) / known.length })).filter((p) => p.loss > 0)
  const score = Math.round(known.reduce((sum, d) => sum + d.score!, 0) / known.length)
  return { score, known: known.length, unknown: devices.length - known.length, parts: parts.sort((a, b) => b.loss - a.loss) }
}
