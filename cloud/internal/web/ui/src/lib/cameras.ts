// What cameras saw at an incident, and which of them may be opened live: small answers, asked before a player is loaded.
import { get, part } from './api'
import type { Clip, MissingPart } from './types/clips'

export interface LiveCamera { gateway: string; device: string; name: string; place: string; online: boolean }
export interface Cameras { cameras: LiveCamera[]; may: boolean }
export interface Seen { clips: Clip[]; missing: MissingPart[] }

type Nullable<T> = { [K in keyof T]: T[K] extends unknown[] ? T[K] | null : T[K] }
const listed = (c: Nullable<Cameras>): Cameras => ({ ...c, cameras: c.cameras ?? [] })

export const camerasOfGateway = (gateway: string) => get<Nullable<Cameras>>(`/gateways/${part(gateway)}/cameras`).then(listed)
export const camerasOfIncident = (id: string) => get<Nullable<Cameras>>(`/incidents/${part(id)}/cameras`).then(listed)
export const clipsOf = (incident: string) => get<Partial<Nullable<Seen>>>(`/incidents/${part(incident)}/clips`).then((c): Seen => ({ clips: c.clips ?? [], missing: c.missing ?? [] }))
