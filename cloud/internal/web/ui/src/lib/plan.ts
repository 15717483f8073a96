// The plan of a site: what state a device is in, in which shape it stands, where on the screen that is; and how a plan is
// changed. Pure.
import { pointsInOrder } from './devices'
import { stale } from './time'
import type { Device, Incident, Severity } from './types'
import type { Plan, PlanNode, PlanShape, ShapeKind } from './types/plan'

export type DeviceState = 'A' | 'B' | 'C' | 'offline' | 'stale' | 'never' | 'uncertain' | 'calm'
/** Worst first. */
export const deviceStates: DeviceState[] = ['A', 'B', 'C', 'offline', 'stale', 'never', 'uncertain', 'calm']
/** Nothing is known now: drawn dashed, never calm. */
export const blind = (s: DeviceState) => s === 'offline' || s === 'stale' || s === 'never'
export const keyOf = (d: { gateway: string; id: string }) => `${d.gateway}/${d.id}`

/** The gravest open incident of each device. */
export function graveness(incidents: Pick<Incident, 'gateway' | 'device' | 'severity' | 'handling' | 'shadow'>[]): Map<string, Severity> {
  const worst = new Map<string, Severity>()
  for (const i of incidents) {
    const key = `${i.gateway}/${i.device}`, known = worst.get(key)
    if (i.handling !== 'closed' && !i.shadow && (!known || i.severity < known)) worst.set(key, i.severity)
  }
  return worst
}

/** The worst that is true of a device; its most asked value says whether anything is known. */
export function deviceState(d: Device, worst: Severity | undefined, now: number): DeviceState {
  if (worst) return worst
  if (!d.online) return d.since > 0 ? 'offline' : 'never'
  const p = pointsInOrder(d)[0]
  if (!p) return 'calm'
  if (!p.at || p.quality === 'bad' || stale(p.at, p.pollMs, now, p.reportMs)) return 'stale'
  return p.quality === 'uncertain' ? 'uncertain' : 'calm'
}
export const worstOf = (all: DeviceState[]): DeviceState => deviceStates.find((s) => all.includes(s)) ?? 'calm'

/** What a gateway says of its lines stands nowhere. */
export const standing = (devices: Device[]) => devices.filter((d) => d.kind !== 'channel')

/** The devices as the list of sites counts them: without the gateway, which stands on the plan all the same and counts when something is wrong with it. */
export const counted = <D extends { kind: string }>(devices: D[]) => devices.filter((d) => d.kind !== 'gateway')

const squeeze = (s: string) => s.replace(/\s+/g, '').toLowerCase()

/** The building, shed or room that a place begins with: "3栋2单元 1802 厨房" is in "3 栋". */
export function groupOf(place: string): { name: string; kind: ShapeKind } {
  const text = place.trim()
  const building = /^第?\s*([0-9A-Za-z一二三四五六七八九十]+)\s*[#＃]?\s*(栋|幢|座|号楼|楼)/.exec(text)
  if (building) return { name: `${building[1]} ${building[2]}`, kind: 'building' }
  const block = /^(building|block|tower)\s+([0-9a-z]+)\b/i.exec(text)
  if (block) return { name: `${block[1]} ${block[2]}`, kind: 'building' }
  const name = text.split(/[\s·,，、/]+/)[0] ?? ''
  const kind = /车棚|车库|充电|bike|shed|garage/i.test(text) ? 'bikeshed' : /配电|变电|电房|power|substation/i.test(text) ? 'power' : /[大东西南北]门|门岗|岗亭|gate/i.test(text) ? 'gate' : 'other'
  return { name, kind }
}

/** The shape that a device stands in: the one whose name or place its own place begins with, the longest of them. */
export function shapeOf(d: Pick<Device, 'place'>, shapes: PlanShape[]): number {
  const place = squeeze(d.place)
  let best = -1, length = 0
  shapes.forEach((s, n) => {
    for (const p of [s.name, ...s.places ?? []].map(squeeze)) if (p.length > length && place.startsWith(p)) { best = n; length = p.length }
  })
  return best
}

export interface Box { name: string; kind: ShapeKind; node?: string; ids: string[] }
const order: ShapeKind[] = ['building', 'bikeshed', 'power', 'gate', 'other']

/** Boxes for devices by where they are, and for parts of the site that have none. nodes: of the site, itself first. */
export function boxes(devices: Device[], nodes: PlanNode[]): Box[] {
  const all = new Map<string, Box>()
  const box = (name: string, kind: ShapeKind) => {
    const key = squeeze(name)
    if (!all.has(key)) all.set(key, { name, kind, ids: [] })
    return all.get(key)!
  }
  for (const d of devices) { const g = groupOf(d.place); box(g.name, g.kind).ids.push(keyOf(d)) }
  for (const n of nodes.slice(1)) { const b = box(n.name, groupOf(n.name).kind); b.node = n.id; if (/楼栋|building/i.test(n.kind)) b.kind = 'building' }
  return [...all.values()].sort((a, b) => Number(!a.name) - Number(!b.name) || order.indexOf(a.kind) - order.indexOf(b.kind) || a.name.localeCompare(b.name, 'zh', { numeric: true }))
}

export interface LaidShape extends Box { x: number; y: number; w: number; h: number; free?: boolean }
export interface LaidMark { id: string; x: number; y: number }
/** Marks that do not fit into their shape. */
export interface LaidMore { shape: number; x: number; y: number; ids: string[] }
export interface Laid { width: number; height: number; high: number; shapes: LaidShape[]; marks: LaidMark[]; more: LaidMore[] }
/** Sizes in px; wide: of one mark with its word, as wide as the language needs. */
export interface Look { width: number; wide: number; most: number; rank: (id: string) => number }
const pad = 8, head = 26, row = 44, gap = 10, mostRows = 6

/** Puts the marks of a shape into it, row by row; of too many those that matter most, the others as one. */
export function fill(out: Laid, shape: number, look: Look) {
  const s = out.shapes[shape]!
  const room = { w: s.w - 2 * pad, h: s.h - head - 4 }
  const [wide, high] = [[1, 1], [0.86, 0.86], [0.72, 0.7]].map(([a, b]) => [look.wide * a!, row * b!]).find(([w, h]) => Math.floor(room.w / w!) * Math.floor(room.h / h!) >= s.ids.length) as [number, number] | undefined ?? [look.wide * 0.72, row * 0.7]
  const columns = Math.max(0, Math.floor(room.w / wide)), fit = columns * Math.max(0, Math.floor(room.h / high))
  const at = (n: number) => ({ x: s.x + pad + (n % columns + 0.5) * wide, y: s.y + head + (Math.floor(n / columns) + 0.5) * high })
  if (s.ids.length <= fit) { s.ids.forEach((id, n) => out.marks.push({ id, ...at(n) })); return }
  const shown = new Set([...s.ids].sort((a, b) => look.rank(a) - look.rank(b)).slice(0, Math.max(0, fit - 1)))
  s.ids.filter((id) => shown.has(id)).forEach((id, n) => out.marks.push({ id, ...at(n) }))
  const rest = s.ids.filter((id) => !shown.has(id))
  if (rest.length) out.more.push({ shape, ids: rest, ...(fit ? at(fit - 1) : { x: s.x + s.w / 2, y: s.y + s.h / 2 + 6 }) })
}

/** Boxes side by side in shelves, each as large as what is in it. */
export function laid(list: Box[], look: Look, from = 0, free = false): Laid {
  const out: Laid = { width: look.width, height: from, high: from, shapes: [], marks: [], more: [] }
  const columns = Math.max(1, Math.floor((look.width - 2 * pad) / look.wide))
  const sized = list.map((b) => {
    const c = Math.min(columns, Math.max(1, Math.ceil(Math.sqrt(b.ids.length * 2))))
    const rows = Math.min(mostRows, Math.ceil(b.ids.length / c))
    return { b, w: Math.min(look.width, Math.max(c * look.wide + 2 * pad, b.name.length * 15 + 64, 120)), h: head + Math.max(rows * row, 12) + pad }
  })
  let y = from
  for (let n = 0; n < sized.length;) {
    let end = n, used = 0
    while (end < sized.length && (end === n || used + gap + sized[end]!.w <= look.width)) { used += (end > n ? gap : 0) + sized[end]!.w; end++ }
    const stretch = Math.min(1.5, (look.width - (end - n - 1) * gap) / (used - (end - n - 1) * gap))
    const high = Math.max(...sized.slice(n, end).map((s) => s.h))
    let x = 0
    for (const { b, w } of sized.slice(n, end)) {
      out.shapes.push({ ...b, x: x + 1, y: y + 1, w: w * stretch - 2, h: high - 2, free })
      x += w * stretch + gap
    }
    y += high + gap
    n = end
  }
  out.height = Math.max(from, y - gap)
  out.shapes.forEach((_, n) => fill(out, n, look))
  return out
}

/** A drawn plan at the size of the screen; without a picture a phone makes it taller, so that marks have room. */
export function drawn(plan: Plan, devices: Device[], look: Look, picture: boolean): Laid {
  const scale = Math.min(look.width / plan.width, look.most / plan.height)
  const width = plan.width * scale
  const high = picture ? plan.height * scale : Math.max(plan.height * scale, Math.min(look.width * 1.3, 440))
  const sy = high / plan.height
  const out: Laid = { width, height: high, high, shapes: plan.shapes.map((s) => ({ name: s.name, kind: s.kind, node: s.node, ids: [], x: s.x * scale, y: s.y * sy, w: s.w * scale, h: s.h * sy })), marks: [], more: [] }
  const pins = new Map(plan.pins.map((p) => [`${p.gateway}/${p.device}`, p]))
  const lost: Device[] = []
  for (const d of devices) {
    const pin = pins.get(keyOf(d)), n = shapeOf(d, plan.shapes)
    if (pin) out.marks.push({ id: keyOf(d), x: Math.min(Math.max(pin.x / 100 * width, 22), width - 22), y: Math.min(Math.max(pin.y / 100 * high, 22), high - 22) })
    else if (n >= 0) out.shapes[n]!.ids.push(keyOf(d))
    else lost.push(d)
  }
  plan.shapes.forEach((_, n) => fill(out, n, look))
  for (const m of out.marks) { // who is pinned inside a shape belongs to it too
    const s = out.shapes.find((h) => m.x >= h.x && m.x <= h.x + h.w && m.y >= h.y && m.y <= h.y + h.h)
    if (s && !out.shapes.some((h) => h.ids.includes(m.id))) s.ids.push(m.id)
  }
  if (!lost.length) return out
  const rest = laid(boxes(lost, []), { ...look, width }, high + 2 * gap, true)
  const base = out.shapes.length
  return { ...out, height: rest.height, shapes: [...out.shapes, ...rest.shapes], marks: [...out.marks, ...rest.marks], more: [...out.more, ...rest.more.map((m) => ({ ...m, shape: m.shape + base }))] }
}

const cut = (v: number) => Math.round(v * 10) / 10
const clamp = (v: number, least: number, most: number) => Math.min(Math.max(v, least), Math.max(least, most))

/** The boxes that stand by themselves as a plan that can be changed: 120 units wide. */
export function asPlan(l: Laid): Plan {
  const by = 120 / l.width
  const shapes = l.shapes.filter((s) => s.name).map((s) => ({ kind: s.kind, name: s.name, x: cut(s.x * by), y: cut(s.y * by), w: cut(s.w * by), h: cut(s.h * by), ...(s.node ? { node: s.node } : {}) }))
  const reach = (side: number[]) => Math.max(1, ...side)
  return { width: Math.max(120, Math.ceil(reach(shapes.map((s) => s.x + s.w)))), height: Math.max(30, Math.ceil(Math.max(l.height * by, reach(shapes.map((s) => s.y + s.h))))), shapes, pins: [] }
}

/** A shape moved or made larger, within the plan. */
export function movedShape(s: PlanShape, plan: Plan, d: { x?: number; y?: number; w?: number; h?: number }): PlanShape {
  const w = cut(clamp(s.w + (d.w ?? 0), 2, plan.width - s.x)), h = cut(clamp(s.h + (d.h ?? 0), 2, plan.height - s.y))
  return { ...s, w, h, x: cut(clamp(s.x + (d.x ?? 0), 0, plan.width - w)), y: cut(clamp(s.y + (d.y ?? 0), 0, plan.height - h)) }
}
export const movedPin = <T extends { x: number; y: number }>(p: T, dx: number, dy: number): T => ({ ...p, x: cut(clamp(p.x + dx, 0, 100)), y: cut(clamp(p.y + dy, 0, 100)) })

/** The plan with the proportions of a picture behind it; what is drawn keeps its share of the height. */
export function proportioned(plan: Plan, by: number): Plan {
  const height = Math.max(1, Math.round(plan.width * by)), share = height / plan.height
  return { ...plan, height, shapes: plan.shapes.map((s) => movedShape({ ...s, y: s.y * share, h: s.h * share }, { ...plan, height }, {})) }
}

/** As much of a name as a width holds, at 13 px. */
export function fitting(name: string, width: number): string {
  let used = 0
  for (let n = 0; n < name.length; n++) {
    used += name.charCodeAt(n) > 0x2e80 ? 13.5 : 7.6
    if (used > width) return n > 1 ? `${name.slice(0, n - 1)}…` : ''
  }
  return name
}
