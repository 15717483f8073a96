// The calls about exchanged meters (换表).
import { get, part, send } from '../api'
import type { Text } from '../types'

export interface MeterReading { point: string; last: number; first: number }
export interface Exchange { id: number; at: number; serial?: string; reason: string; who: string; notedAt: number; undoneAt?: number; undoneBy?: string; readings: MeterReading[] }
/** last, first: what the store knows of the old and the new meter around the time. */
export interface Counter { point: string; unit: string; last?: number; first?: number }
export interface Meters { now: number; site: string; counters: Counter[]; exchanges: Exchange[]; noticed?: { at: number; text: Text } }

const of = (gateway: string, device: string) => `/devices/${part(gateway)}/${part(device)}/meters`
export const metersApi = {
  get: (gateway: string, device: string, at?: number) => get<Meters>(of(gateway, device), { at }),
  note: (gateway: string, device: string, x: { at: number; serial: string; reason: string; readings: MeterReading[] }) => send<Meters>('POST', of(gateway, device), x),
  undo: (gateway: string, device: string, id: number) => send<Meters>('POST', `${of(gateway, device)}/${id}/undo`, {}),
}
