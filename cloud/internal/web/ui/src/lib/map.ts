// The one model of the four maps: where things lie, what hangs below what. Pure.
import type { MapNode, Point } from './types/map'

export type MapView = 'resource' | 'duty' | 'state' | 'flow'
export const mapViews: MapView[] = ['state', 'resource', 'duty', 'flow']

export interface Plane { width: number; height: number; at(p: Point): [number, number] }

/** A flat picture of points: degrees of longitude are shortened as at the middle latitude, north is up. Good for a street. */
export function project(points: Point[], width: number, most: number, margin = 24): Plane {
  const lons = points.map((p) => p[0])
  const lats = points.map((p) => p[1])
  const [west, east, south, north] = [Math.min(...lons), Math.max(...lons), Math.min(...lats), Math.max(...lats)]
  const short = Math.cos(((south + north) / 2) * Math.PI / 180)
  const [wide, high] = [Math.max((east - west) * short, 1e-5), Math.max(north - south, 1e-5)]
  const scale = Math.min((width - 2 * margin) / wide, (most - 2 * margin) / high)
  const height = Math.max(Math.round(high * scale + 2 * margin), Math.min(most, 160))
  const round = (v: number) => Math.round(v * 10) / 10
  return { width, height, at: ([lon, lat]) => [round(width / 2 + (lon - (west + east) / 2) * short * scale), round(height / 2 + ((south + north) / 2 - lat) * scale)] }
}

/** The ids of a node and all below it. The nodes come each before those below it. */
export function below(nodes: MapNode[], top: string): Set<string> {
  const found = new Set([top])
  for (const n of nodes) if (n.parent !== undefined && found.has(n.parent)) found.add(n.id)
  return found
}

/** The sites that hang on a node or below it; undefined: no node is chosen, all of them. */
export function sitesBelow(nodes: MapNode[], top: string): Set<string> | undefined {
  if (!top) return undefined
  const inside = below(nodes, top)
  return new Set(nodes.filter((n) => inside.has(n.id)).flatMap((n) => n.sites ?? []))
}

/** Where a node lies: in the middle of its sites that have a position. */
export function middle(sites: Iterable<string>, positions: Record<string, Point>): Point | undefined {
  const known = [...sites].map((s) => positions[s]).filter((p) => p !== undefined)
  if (!known.length) return undefined
  return [known.reduce((sum, p) => sum + p[0], 0) / known.length, known.reduce((sum, p) => sum + p[1], 0) / known.length]
}

/** The nodes directly below one; of "" those whose parent is not in the answer. */
export function children(nodes: MapNode[], parent: string): MapNode[] {
  if (parent) return nodes.filter((n) => n.parent === parent)
  const known = new Set(nodes.map((n) => n.id))
  return nodes.filter((n) => !n.parent || !known.has(n.parent))
}

/** The nearest of some marks, if it is near enough for a finger. */
export function nearest<T extends { x: number; y: number }>(marks: T[], x: number, y: number, reach = 28): T | undefined {
  let best: T | undefined
  let far = reach * reach
  for (const m of marks) {
    const d = (m.x - x) ** 2 + (m.y - y) ** 2
    if (d <= far) { far = d; best = m }
  }
  return best
}
