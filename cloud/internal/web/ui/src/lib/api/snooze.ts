// The calls about snoozing a device (静默).
import { get, part, send } from '../api'
import type { Text } from '../types'
import type { MaintenanceWindow } from './site'

/** never: why it cannot be snoozed. */
export interface Snoozing { now: number; site: string; snooze?: MaintenanceWindow; never?: Text }

const of = (gateway: string, device: string) => `/devices/${part(gateway)}/${part(device)}/snooze`
export const snoozeApi = {
  get: (gateway: string, device: string) => get<Snoozing>(of(gateway, device)),
  begin: (gateway: string, device: string, minutes: number, reason: string) => send<Snoozing>('POST', of(gateway, device), { minutes, reason }),
  end: (gateway: string, device: string) => send<Snoozing>('POST', `${of(gateway, device)}/end`, {}),
}
