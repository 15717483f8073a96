// The calls of a site's page: its maintenance windows and its health.
import { get, part, send } from '../api'
import type { DeviceHealth } from '../types/machines'

/** A time of maintenance (检修) of a site, or of a snooze (静默) of the device that it names, Unix ms. */
export interface MaintenanceWindow { id: number; site: string; gateway?: string; device?: string; name?: string; place?: string; from: number; until: number; reason: string; crew: string; who: string; endedBy?: string }
export interface Windows { now: number; windows: MaintenanceWindow[] }

const of = (site: string) => `/sites/${part(site)}`
export const siteApi = {
  windows: (site: string) => get<Windows>(`${of(site)}/windows`),
  announce: (site: string, w: { from?: number; until: number; reason: string; crew: string }) => send<Windows>('POST', `${of(site)}/windows`, w),
  end: (site: string, id: number) => send<Windows>('POST', `${of(site)}/windows/${id}/end`, {}),
  quiet: () => get<Windows>('/windows').then((w) => w.windows ?? []),
  health: (site: string) => get<{ devices: DeviceHealth[] | null }>(`${of(site)}/health`).then((h) => ({ devices: h.devices ?? [] })),
}
