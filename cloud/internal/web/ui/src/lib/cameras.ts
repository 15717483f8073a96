// What cameras saw at an incident, and which of them may be opened live: small answers, asked before a player is loaded.
import { get, part, send } from './api'
import type { Clip, MissingPart } from './types/clips'

export interface LiveCamera { gateway: string; device: string; name: string; place: string; online: boolean }
export interface Cameras { cameras: LiveCamera[]; may: boolean }
/** Who keeps an incident's evidence beyond its time, why, and since when (Unix ms). */
export interface Hold { reason: string; who: string; at: number }
export interface Seen { clips: Clip[]; missing: MissingPart[]; hold?: Hold | null }

type Nullable<T> = { [K in keyof T]: T[K] extends unknown[] ? T[K] | null : T[K] }
const listed = (c: Nullable<Cameras>): Cameras => ({ ...c, cameras: c.cameras ?? [] })

export const camerasOfGateway = (gateway: string) => get<Nullable<Cameras>>(`/gateways/${part(gateway)}/cameras`).then(listed)
export const camerasOfIncident = (id: string) => get<Nullable<Cameras>>(`/incidents/${part(id)}/cameras`).then(listed)
const seen = (c: Partial<Nullable<Seen>>): Seen => ({ clips: c.clips ?? [], missing: c.missing ?? [], hold: c.hold })
export const clipsOf = (incident: string) => get<Partial<Nullable<Seen>>>(`/incidents/${part(incident)}/clips`).then(seen)
export const holdEvidence = (incident: string, reason: string) => send<Partial<Nullable<Seen>>>('POST', `/incidents/${part(incident)}/hold`, { reason }).then(seen)
export const releaseEvidence = (incident: string) => send<Partial<Nullable<Seen>>>('POST', `/incidents/${part(incident)}/release`, {}).then(seen)
