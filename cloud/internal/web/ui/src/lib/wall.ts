// What the wall counts and how it lays itself out. Pure.
import type { Incident, Severity } from './types'
import type { Cell, Wall, WallGroup } from './types/wall'

export type CellState = 'A' | 'B' | 'C' | 'window' | 'offline' | 'repair' | 'never' | 'calm'
/** Worst first. */
export const states: CellState[] = ['A', 'B', 'C', 'window', 'offline', 'repair', 'never', 'calm']

/** The worst that is true of a site. */
export function stateOf(c: Cell): CellState {
  if (c.A) return 'A'
  if (c.B) return 'B'
  if (c.C) return 'C'
  if (c.w) return 'window'
  if (c.never) return 'never'
  if (c.off) return 'offline'
  return c.m ? 'repair' : 'calm'
}

export interface Tally { A: number; B: number; C: number; m: number; offline: number; sites: number; by: Record<CellState, number> }

/** The figures above the grid, counted from the very cells that are shown. */
export function tally(wall: Pick<Wall, 'sites' | 'elsewhere'>): Tally {
  const sum: Tally = { A: 0, B: 0, C: 0, m: 0, offline: 0, sites: wall.sites.length, by: { A: 0, B: 0, C: 0, window: 0, offline: 0, repair: 0, never: 0, calm: 0 } }
  for (const c of [...wall.sites, wall.elsewhere]) {
    sum.A += c.A ?? 0; sum.B += c.B ?? 0; sum.C += c.C ?? 0; sum.m += c.m ?? 0
    if (c.off) sum.offline++
  }
  for (const c of wall.sites) sum.by[stateOf(c)]++
  return sum
}

/** How many sites look so, worst first; of the dashed ones, how many of them were counted before as something worse. */
export function legendOf(sum: Tally): { s: CellState; n: number; worse: number }[] {
  return states.map((s) => ({ s, n: s === 'offline' ? sum.offline : sum.by[s], worse: s === 'offline' ? sum.offline - sum.by.offline : 0 }))
}

/** A cell as the stream tells it: what it leaves out is zero; name and group stay. */
export function patched(old: Cell, told: Cell): Cell { return { ...told, n: old.n, g: old.g } }

/** The wall with some cells as the stream tells them; every other one stays the very object that it was, and is not drawn again. */
export function told(wall: Wall, cells: Map<string, Cell>): Wall {
  if (!cells.size) return wall
  return { ...wall, elsewhere: cells.get('') ?? wall.elsewhere, sites: wall.sites.map((s) => { const c = cells.get(s.id); return c ? patched(s, c) : s }) }
}

/** The wall with one incident put in, moved or taken out. */
export function moved(wall: Wall, i: Incident): Wall {
  const { counts } = wall.numbers
  const taken = i.handling !== 'open' && wall.queue.some((q) => q.id === i.id && q.handling === 'open')
  const numbers = taken ? { ...wall.numbers, counts: { ...counts, open: Math.max(0, counts.open - 1) } } : wall.numbers
  return { ...wall, numbers, queue: queued(wall.queue, i) }
}

/**
 * Says of each change that the stream tells whether it is an alarm: an open incident that has just begun with severity A, or
 * that was less when it was last heard of (before: by the snapshot) and is A now.
 */
export function alarms(): (i: Pick<Incident, 'id' | 'severity' | 'handling' | 'since' | 'late'>, at: number, before?: Severity) => boolean {
  const known = new Map<string, Severity>()
  return (i, at, before) => {
    const was = known.get(i.id) ?? before
    known.set(i.id, i.severity)
    if (i.severity !== 'A' || i.handling !== 'open' || was === 'A') return false
    return was ? true : i.since > at - 60_000 && !i.late
  }
}

/** A later snapshot, with the cells of the one before that are still right. */
export function settled(before: Wall, fresh: Wall): Wall {
  const had = new Map(before.sites.map((s) => [s.id, s]))
  return { ...fresh, sites: fresh.sites.map((s) => { const h = had.get(s.id); return h && same(h, s) ? h : s }) }
}

function same(a: Cell, b: Cell): boolean {
  for (const key of Object.keys({ ...a, ...b }) as (keyof Cell)[]) if ((a[key] || 0) !== (b[key] || 0)) return false
  return true
}

export interface Part extends WallGroup { cells: Cell[] }

/** The sites by group; the list of one in which nothing changed is the one from before. */
export function parts(groups: WallGroup[], sites: Cell[], before: Part[] = []): Part[] {
  const cells = new Map<string, Cell[]>(groups.map((g) => [g.id, []]))
  for (const s of sites) cells.get(s.g ?? '')?.push(s)
  const had = new Map(before.map((p) => [p.id, p.cells]))
  return groups.map((g) => {
    const now = cells.get(g.id) ?? [], old = had.get(g.id)
    return { ...g, cells: old && old.length === now.length && now.every((c, i) => c === old[i]) ? old : now }
  })
}

const rank = { A: 0, B: 1, C: 2 }
/** Nobody's before taken ones, the gravest first, what lasts first, whose limit ends first. */
export function byNeed(a: Incident, b: Incident): number {
  const end = (i: Incident) => i.deadline || Number.MAX_SAFE_INTEGER
  return Number(a.handling !== 'open') - Number(b.handling !== 'open') || rank[a.severity] - rank[b.severity]
    || Number(a.condition !== 'active') - Number(b.condition !== 'active') || end(a) - end(b) || a.since - b.since
}

/** The queue with one incident put in, moved or taken out. */
export function queued(queue: Incident[], changed: Incident, length = 24): Incident[] {
  const rest = queue.filter((i) => i.id !== changed.id)
  if (changed.handling === 'closed' || changed.shadow || (changed.window || changed.snooze) && changed.shelved) return rest
  return [...rest, changed].sort(byNeed).slice(0, length)
}

export type Freshness = 'fresh' | 'slow' | 'expired'
/** How old what is shown is: from 10 s on it is said, from 30 s on nothing of it counts any more. */
export function freshness(ageMs: number): Freshness { return ageMs > 30_000 ? 'expired' : ageMs > 10_000 ? 'slow' : 'fresh' }

export interface Fit { columns: number; cell: number }
/** The largest cells with which all groups fit into a box. Sizes in px; head: of a group's title. */
export function fit(box: { width: number; height: number }, counts: number[], head: number, gap: number, most = 96): Fit {
  let best: Fit = { columns: 1, cell: 6 }
  for (let columns = 1; columns <= counts.length; columns++) {
    const wide = (box.width - (columns - 1) * gap * 3) / columns
    for (let cell = most; cell > best.cell; cell--) {
      const row = Math.floor((wide + gap) / (cell + gap))
      if (row < 1) continue
      let high = 0
      for (let i = 0; i < counts.length; i += columns) {
        high += head + gap * 3 + Math.max(...counts.slice(i, i + columns).map((n) => Math.ceil(n / row))) * (cell + gap)
      }
      if (high <= box.height) { best = { columns, cell }; break }
    }
  }
  return best
}

/** "6720x2160" → its size; undefined when it is none that a wall can have. */
export function canvasOf(text: string | null): { width: number; height: number } | undefined {
  const found = /^(\d{3,5})[x×*](\d{3,5})$/i.exec(text?.trim() ?? '')
  if (!found) return undefined
  const [width, height] = [Number(found[1]), Number(found[2])]
  return width >= 640 && width <= 20000 && height >= 360 && height <= 12000 ? { width, height } : undefined
}

/** Root font size in px: as the canvas is larger than 1920 × 1080, never so small that the smallest text has less than 11 px, and so that the smallest text (13/16 of it) can be read over the distance (20 arc minutes: 11 px of a 1920 layout × distance / width). */
export function rootSize(canvas: { width: number; height: number }, distance = 0, width = 0): number {
  const scale = Math.max(0.85, Math.min(canvas.width / 1920, canvas.height / 1080))
  const read = distance > 0 && width > 0 ? 11 * (distance / width) * (canvas.width / 1920) * (16 / 13) : 0
  return Math.round(Math.min(Math.max(16 * scale, read), 16 * scale * 3) * 10) / 10
}

/** Every hour the picture stands two pixels elsewhere, so that nothing burns in. */
export function shift(hour: number): string {
  const [x, y] = [[0, 0], [2, 0], [2, 2], [0, 2]][hour % 4] as [number, number]
  return `translate(${x}px, ${y}px)`
}

interface Box { left: number; top: number; width: number; height: number }
/**
 * Where a key leads from one cell to another: left and right by the order of reading, up and down to the nearest cell above or
 * below, Home and End to the ends. Undefined: nowhere, or it is no such key.
 */
export function step(cells: Box[], at: number, key: string): number | undefined {
  const from = cells[at]
  if (!from) return undefined
  if (key === 'Home' || key === 'End') return key === 'Home' ? 0 : cells.length - 1
  if (key === 'ArrowLeft' || key === 'ArrowRight') { const to = at + (key === 'ArrowLeft' ? -1 : 1); return cells[to] ? to : undefined }
  if (key !== 'ArrowUp' && key !== 'ArrowDown') return undefined
  const sign = key === 'ArrowUp' ? -1 : 1
  let best: number | undefined, least = Infinity
  cells.forEach((c, n) => {
    const down = (c.top - from.top) * sign
    if (down < from.height / 2) return
    const far = down + 3 * Math.abs(c.left - from.left)
    if (far < least) { least = far; best = n }
  })
  return best
}
