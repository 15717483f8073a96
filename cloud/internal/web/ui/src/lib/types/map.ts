// Shapes that the four maps are drawn from.
import type { Incident } from '../types'
import type { Wall } from './wall'

/** Longitude and latitude in degrees. */
export type Point = [number, number]
export interface Drawing { outlines: Record<string, Point[][]>; positions: Record<string, Point> }
export interface Person { name: string; phone?: string }
export interface MapNode {
  id: string; parent?: string; depth: number; kind: string; name: string; dedicated?: boolean; sites?: string[]
  owner?: Person; deputy?: Person; handover?: { from: string; to?: string }; responsible?: Person & { as: 'owner' | 'deputy'; node: string }
}
export interface Resource { node: string; nodeName: string; kind: string; name: string; phone?: string; position?: string; stock: number }
export interface DeviceCount { kind: string; total: number; online: number }
export interface OnDuty { emergency: boolean; duty: (Person & { role?: string; as: 'shift' | 'handover' | 'owner' | 'deputy' | 'fallback'; node: string; until?: number })[] }
/** What all four maps are views of. */
export interface Street { nodes: MapNode[]; drawing: Drawing; resources: Resource[]; devices: DeviceCount[] }
export interface Now { wall: Wall; incidents: Incident[]; more: boolean }
