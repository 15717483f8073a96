import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chartData, covering, extended, isLate, near, yRange } from '../src/lib/chartdata.ts'
import { byKind, pointsInOrder, update } from '../src/lib/devices.ts'
import { due, merged, order } from '../src/lib/urgency.ts'
import { match } from '../src/lib/router-table.ts'

const minute = 60_000

test('a gap breaks the line even when it begins at the last good point', () => {
  const d = chartData({ from: 0, to: 10_000, points: [[100, 5, 5], [2000, 6, 6], [7000, 7, 7]], gaps: [{ from: 2000, to: 7000, reason: 'timeout' }] })
  assert.deepEqual(d.high, [5, 6, null, 7])
  assert.ok(d.x.every((x, n) => n === 0 || x > d.x[n - 1]), 'times rise')
  assert.equal(covering(d.gaps, 5000)?.reason, 'timeout')
  assert.deepEqual([d.min, d.max], [5, 7], 'a gap is not a 0')
})

test('a gap at the end stays open, one outside the window is left out', () => {
  const d = chartData({ from: 0, to: 10_000, points: [[100, 5, 5]], gaps: [{ from: 100, to: 99_000 }, { from: 20_000, to: 30_000 }] })
  assert.deepEqual(d.high, [5, null])
  assert.deepEqual(d.gaps.map((g) => [g.from, g.to]), [[100, 10_000]])
})

test('what lies before the first reading is a gap when the server says so, and never by a rule of the chart', () => {
  const s = { from: 0, to: 100_000, points: [[50_000, 5, 5], [51_000, 5, 5]] }
  assert.deepEqual(chartData({ ...s, gaps: [{ from: 0, to: 50_000 }] }).gaps, [{ from: 0, to: 50_000 }])
  assert.deepEqual(chartData({ ...s, gaps: [] }).gaps, [])
})

test('only neighbours of about one merge step are filled between their extremes', () => {
  assert.ok(near(0, 3600e3, 0, 12e3))
  assert.ok(!near(0, 3600e3, 0, 420e3))
})

test('a point before the window carries the line in, also when the window moves on', () => {
  const s = { unit: 'W', from: 10_000, to: 20_000, downsampled: false, points: [[1000, 5, 5], [12_000, 6, 6], [19_000, 7, 7]], gaps: [] }
  assert.deepEqual(chartData(s).gaps, [])
  const moved = extended(s, { at: 25_000, value: 8, quality: 'good' })
  assert.deepEqual([moved.from, moved.points.map((p) => p[0])], [15_000, [12_000, 19_000, 25_000]])
  assert.deepEqual(chartData(moved).gaps, [])
})

test('bad readings inside merged points are marked, those in a gap are the gap', () => {
  const d = chartData({ from: 0, to: 10_000, points: [], gaps: [{ from: 0, to: 4000 }], bad: [{ from: 1000, to: 2000 }, { from: 6000, to: 6000, reason: 'corrupt' }] })
  assert.deepEqual(d.marks.map((m) => [m.from, m.quality]), [[6000, 'bad']])
})

test('the range begins at zero for amounts and holds the limit', () => {
  assert.equal(yRange(300, 500, 'W', 400)[0], 0)
  assert.ok(yRange(0, 10, '%LEL', 25)[1] > 25)
  const [low, high] = yRange(229, 232, 'V')
  assert.ok(low > 200 && high < 260)
  assert.deepEqual(yRange(undefined, undefined, 'W')[0], 0)
})

test('live values move the window; a bad one begins a gap, the same again is ignored', () => {
  const s = { unit: 'W', from: 0, to: 10_000, downsampled: false, points: [[9000, 5, 5]], gaps: [] }
  const a = extended(s, { at: 12_000, value: 7, quality: 'good' })
  assert.deepEqual([a.from, a.to, a.points.length], [2000, 12_000, 2])
  assert.equal(extended(a, { at: 12_000, value: 1, quality: 'good' }), a)
  const b = extended(extended(a, { at: 14_000, value: null, quality: 'bad', reason: 'timeout' }), { at: 16_000, value: null, quality: 'bad', reason: 'timeout' })
  assert.deepEqual(b.gaps, [{ from: 12_001, to: 16_000, reason: 'timeout' }])
  const c = chartData(extended(b, { at: 18_000, value: 9, quality: 'good' }))
  assert.deepEqual(c.high.slice(-3), [7, null, 9])
})

test('late history fills the chart and does not move its newest value or its window', () => {
  const s = { unit: 'W', from: 0, to: 10_000, downsampled: false, points: [[100, 5, 5], [9000, 6, 6]], gaps: [{ from: 100, to: 9000, reason: 'late' }] }
  const a = extended(s, { at: 4000, value: 7, quality: 'good' })
  assert.deepEqual(a.points.map((p) => p[0]), [100, 4000, 9000])
  assert.deepEqual([a.from, a.to, a.gaps], [0, 10_000, [{ from: 100, to: 4000, reason: 'late' }, { from: 4000, to: 9000, reason: 'late' }]])
  assert.deepEqual(chartData(a).high, [5, null, 7, null, 6])
  assert.equal(extended(a, { at: 4000, value: 8, quality: 'good' }), a, 'twice is once')
  assert.equal(extended(a, { at: 5000, value: null, quality: 'bad' }), a)
  assert.equal(extended(a, { at: -5, value: 1, quality: 'good' }), a, 'before the window')
  assert.ok(isLate(a, { at: 8999 }) && !isLate(a, { at: 9000 }))
})

const incident = (id, severity, more = {}) => ({ id, severity, condition: 'active', handling: 'open', since: 0, ...more })

test('the most urgent is first: level, then still active, then the limit, then the longest waiting', () => {
  const list = [incident('c', 'C'), incident('b2', 'B', { since: 9, deadline: 900 }), incident('b1', 'B', { deadline: 800 }), incident('r', 'B', { condition: 'recovered', deadline: 1 }), incident('a', 'A'), incident('c0', 'C', { since: -5 })]
  assert.deepEqual(order(list, 'open').map((i) => i.id), ['a', 'b1', 'b2', 'r', 'c0', 'c'])
  const aside = [incident('trial', 'A', { shadow: true }), incident('off', 'A', { suspendedAt: 5 }), ...list]
  assert.deepEqual(order(aside, 'open').map((i) => i.id).slice(-3), ['c', 'off', 'trial'], 'nobody is asked to do anything about them')
})

test('a change puts an incident where it belongs', () => {
  const list = [incident('a', 'A'), incident('b', 'B')]
  assert.deepEqual(merged(list, incident('a', 'A', { handling: 'handling' }), 'open').map((i) => i.id), ['b'])
  assert.deepEqual(merged(list, incident('n', 'A', { since: -1 }), 'open').map((i) => i.id), ['n', 'a', 'b'])
})

test('the bar of a late arrival shows the time people have, not the outage before', () => {
  const now = 8 * 60 * minute
  const late = due({ since: 0, deadline: now + 3 * minute, severity: 'A' }, now)
  assert.deepEqual(late, { left: 3 * minute, share: 1 })
  assert.equal(due({ since: 0, severity: 'C' }, 5), undefined)
  assert.equal(due({ since: 0, deadline: 3 * minute, severity: 'A' }, 4 * minute).share, 0)
})

test('devices come by danger, points by what people look for, and old readings never win', () => {
  assert.deepEqual(byKind([{ id: 'x', kind: 'toaster' }, { id: 'm', kind: 'meter' }, { id: 'g', kind: 'gas' }]).map((g) => g.kind), ['gas', 'meter', 'toaster'])
  assert.deepEqual(pointsInOrder({ kind: 'socket', points: [{ name: 'voltage' }, { name: 'odd' }, { name: 'power' }] }).map((p) => p.name), ['power', 'voltage', 'odd'])
  const d = { gateway: 'g', id: 'd', points: [{ name: 'power', value: 5, at: 100, quality: 'good' }] }
  update(d, { gateway: 'g', device: 'd', points: [{ name: 'power', value: 4, at: 90, quality: 'good' }] })
  assert.equal(d.points[0].value, 5)
  update(d, { gateway: 'g', device: 'd', points: [{ name: 'power', value: null, at: 110, quality: 'bad', reason: 'timeout' }] })
  assert.deepEqual([d.points[0].value, d.points[0].reason], [null, 'timeout'])
})

test('addresses lead to their pages', () => {
  const pages = [['todo', '/todo'], ['alert', '/a/:id'], ['sites', '/sites'], ['site', '/sites/:id'], ['device', '/devices/:gateway/:id'], ['system', '/system']].map(([name, path]) => ({ name, path }))
  const page = (path) => { const m = match(pages, path); return [m.name, ...m.params].join(' ') }
  assert.equal(page('/'), 'todo')
  assert.equal(page('/todo/'), 'todo')
  assert.equal(page('/a/GJ-20261122-0001'), 'alert GJ-20261122-0001')
  assert.equal(page('/sites/%E9%94%A6%E7%BB%A3'), 'site 锦绣')
  assert.equal(page('/devices/gw-1/A-03.2'), 'device gw-1 A-03.2')
  assert.equal(page('/sites/%zz'), 'site %zz')
  assert.equal(page('/system'), 'system')
  assert.equal(page('/wall'), 'lost')
})
