// Shapes of a site's plan (平面图).
import type { Person } from './map'

export type ShapeKind = 'building' | 'bikeshed' | 'power' | 'gate' | 'other'
/** A rectangle in the plan's own units; places: beginnings of the places of devices that stand in it. */
export interface PlanShape { kind: ShapeKind; name: string; x: number; y: number; w: number; h: number; node?: string; places?: string[] }
/** Where a device hangs, in percent of the plan. */
export interface PlanPin { gateway: string; device: string; x: number; y: number }
export interface Plan { width: number; height: number; shapes: PlanShape[]; pins: PlanPin[] }
export interface PlanNode { id: string; parent?: string; kind: string; name: string; responsible?: Person & { as: 'owner' | 'deputy'; node: string } }
/** revision: empty when nobody has drawn it. */
export interface SitePlan { revision: string; plan: Plan; picture?: { id: string; width: number; height: number }; nodes: PlanNode[] }
