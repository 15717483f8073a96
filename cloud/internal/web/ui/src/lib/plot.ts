// How the chart looks: axes, grey gaps, shaded alert, dashed threshold with its label.
import uPlot from 'uplot'
import { amounts, column, room, times, withUnit } from './axis'
import { near, yRange, type PlotModel } from './chartdata'
import { word } from './i18n'
import { tick } from './time'
import type { Span } from './types'

interface Deps { model: () => PlotModel; zone: () => string; cursor: (index: number | undefined) => void }

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const scale = () => devicePixelRatio || 1

export function plotOptions({ model, zone, cursor }: Deps): Omit<uPlot.Options, 'width' | 'height'> {
  const font = `12px ${colour('--sans')}`
  const text2 = colour('--text2'), line = colour('--line'), ink = colour('--text')
  const paths = model().stepped ? uPlot.paths.stepped!({ align: 1 }) : undefined
  const states = model().stepped
  return {
    legend: { show: false },
    padding: [room.top, room.right, 0, 0],
    cursor: { drag: { x: false, y: false }, y: false, points: { size: 8 } },
    scales: {
      x: { time: false, range: () => [model().from / 1000, model().to / 1000] },
      y: { range: () => { const m = model(); return yRange(m.data.min, m.data.max, m.unit, m.limit) } },
    },
    axes: [
      { font, stroke: text2, grid: { show: false }, ticks: { stroke: line, size: 5 }, size: room.bottom, splits: (u, _axis, from, to) => times(from * 1000, to * 1000, u.bbox.width / scale(), zone()).map((ms) => ms / 1000), values: (_u, splits) => splits.map((s) => tick(s * 1000, zone())) },
      {
        font, stroke: text2, grid: { stroke: line, width: 1 }, ticks: { show: false },
        size: (_u, values) => column((values ?? []).map(String)),
        splits: (u, _axis, low, high) => (states ? [0, 1] : amounts(low, high, u.bbox.height / scale())),
        values: (_u: uPlot, v: number[]) => (states ? v.map((n) => word(`state.${model().point}.${n}`) ?? String(n)) : withUnit(v, model().unit)),
      },
    ],
    series: [{}, { stroke: ink, width: 1.6, paths, points: { size: 4, fill: ink, filter: lonely } }, { stroke: ink, width: 1.6, paths, points: { show: false } }],
    hooks: {
      drawClear: [(u) => bands(u, model())],
      drawAxes: [(u) => spread(u, model())],
      draw: [(u) => threshold(u, model())],
      setCursor: [(u) => cursor(u.cursor.idx ?? undefined)],
    },
  }
}

/** Points without a neighbour: no line would show them. */
const lonely: uPlot.Series.Points.Filter = (u, series) => {
  const v = u.data[series] ?? []
  const at: number[] = []
  for (let n = 0; n < v.length; n++) if (v[n] != null && v[n - 1] == null && v[n + 1] == null) at.push(n)
  return at
}

function bands(u: uPlot, m: PlotModel) {
  if (m.alert) band(u, m.alert, colour('--l1'), 0.14)
  for (const gap of m.data.gaps) band(u, gap, colour('--off'), 0.32)
  for (const mark of m.data.marks) underline(u, mark)
}

function band(u: uPlot, span: Span, fill: string, alpha: number) {
  const [left, right] = edges(u, span)
  const c = u.ctx
  c.save()
  c.globalAlpha = alpha
  c.fillStyle = fill
  c.fillRect(left, u.bbox.top, Math.max(right - left, 3 * scale()), u.bbox.height)
  c.restore()
}

/** Between minimum and maximum of merged points. uPlot's own bands would run across a gap. */
function spread(u: uPlot, m: PlotModel) {
  const c = u.ctx, d = m.data
  const px = (n: number) => u.valToPos(d.x[n]!, 'x', true), py = (v: number) => u.valToPos(v, 'y', true)
  c.save()
  c.globalAlpha = 0.3
  c.fillStyle = colour('--text')
  for (let n = 0, from = 0; n <= d.x.length; n++) {
    const hole = n === d.x.length || d.high[n] === null
    if (!hole && (n === from || near(m.from, m.to, d.x[n - 1]! * 1000, d.x[n]! * 1000))) continue
    c.beginPath()
    for (let i = from; i < n; i++) c.lineTo(px(i), py(d.high[i]!))
    for (let i = n - 1; i >= from; i--) c.lineTo(px(i), py(d.low[i]!))
    c.fill()
    from = hole ? n + 1 : n
  }
  c.restore()
}

function underline(u: uPlot, span: Span) {
  const [left, right] = edges(u, span)
  const c = u.ctx, y = u.bbox.top + u.bbox.height - 2 * scale()
  c.save()
  c.strokeStyle = colour('--text2')
  c.lineWidth = 3 * scale()
  c.setLineDash([3 * scale(), 3 * scale()])
  c.beginPath(); c.moveTo(left, y); c.lineTo(Math.max(right, left + 3 * scale()), y); c.stroke()
  c.restore()
}

function edges(u: uPlot, span: Span): [number, number] {
  const box = u.bbox
  const at = (ms: number) => Math.min(box.left + box.width, Math.max(box.left, u.valToPos(ms / 1000, 'x', true)))
  return [at(span.from), at(span.to)]
}

function threshold(u: uPlot, m: PlotModel) {
  if (m.limit === undefined) return
  const c = u.ctx, r = scale(), box = u.bbox, y = u.valToPos(m.limit, 'y', true)
  c.save()
  c.strokeStyle = c.fillStyle = colour('--l1t')
  c.lineWidth = 1.5 * r
  c.setLineDash([6 * r, 4 * r])
  c.beginPath(); c.moveTo(box.left, y); c.lineTo(box.left + box.width, y); c.stroke()
  c.setLineDash([])
  c.font = `600 ${12 * r}px ${colour('--sans')}`
  c.textAlign = 'left'
  const above = y - 6 * r - 12 * r > box.top - 12 * r
  c.textBaseline = above ? 'bottom' : 'top'
  const x = box.left + 6 * r, ty = above ? y - 4 * r : y + 5 * r
  const words = m.limitLabel ?? String(m.limit)
  c.lineJoin = 'round'
  c.lineWidth = 5 * r
  c.strokeStyle = colour('--surface') // a halo, so that no line runs through the words
  c.strokeText(words, x, ty)
  c.fillText(words, x, ty)
  c.restore()
}
