import type { Incident } from '../types'

/** State of one site; zero counts and false are left out. */
export interface Cell { id: string; n?: string; g?: string; A?: number; B?: number; C?: number; m?: number; q?: number; w?: boolean; off?: boolean; never?: boolean; t?: number }
export interface WallGroup { id: string; name: string }
export interface Bar { A: number; B: number; C: number }
export interface Emergency { node: string; name: string; from: number; until: number; why?: string }
export interface Wall {
  at: number
  groups: WallGroup[]
  sites: Cell[]
  elsewhere: Cell
  numbers: { counts: { open: number; handling: number; closed: number }; closedToday: number; takeMs?: number; taken: number }
  queue: Incident[]
  barsFrom: number
  bars: Bar[]
  emergencies: Emergency[]
}
