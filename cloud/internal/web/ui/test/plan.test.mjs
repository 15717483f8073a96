import assert from 'node:assert/strict'
import { test } from 'node:test'
import './browser.mjs'
import { asPlan, boxes, counted, deviceState, drawn, fitting, graveness, groupOf, keyOf, laid, movedPin, movedShape, proportioned, shapeOf } from '../src/lib/plan.ts'

const now = 1_000_000
const device = (id, place, more = {}) => ({ gateway: 'gw', id, name: id, kind: 'gas', model: 'm', place, zone: '', online: true, since: 1, points: [{ name: 'level', unit: '%LEL', value: 0, quality: 'good', at: now - 1000, pollMs: 1000 }], ...more })
const look = (width, wide = 48) => ({ width, wide, most: 600, rank: () => 7 })
const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h

test('a place begins with its building, shed or room', () => {
  assert.deepEqual(groupOf('3栋2单元 1802 厨房'), { name: '3 栋', kind: 'building' })
  assert.deepEqual(groupOf('12 号楼 门厅'), { name: '12 号楼', kind: 'building' })
  assert.deepEqual(groupOf('Building 3, flat 12'), { name: 'Building 3', kind: 'building' })
  assert.deepEqual(groupOf('地下车棚'), { name: '地下车棚', kind: 'bikeshed' })
  assert.deepEqual(groupOf('配电房 2 号柜'), { name: '配电房', kind: 'power' })
  assert.deepEqual(groupOf('东门岗亭'), { name: '东门岗亭', kind: 'gate' })
  assert.deepEqual(groupOf(''), { name: '', kind: 'other' })
})

test('a device whose value is old, bad or missing is never calm; an alert comes before that', () => {
  const point = (more) => device('a', '', { points: [{ ...device('a', '').points[0], ...more }] })
  assert.equal(deviceState(device('a', ''), undefined, now), 'calm')
  assert.equal(deviceState(point({ at: now - 60_000 }), undefined, now), 'stale')
  assert.equal(deviceState(point({ quality: 'bad' }), undefined, now), 'stale')
  assert.equal(deviceState(point({ at: 0 }), undefined, now), 'stale')
  assert.equal(deviceState(point({ quality: 'uncertain' }), undefined, now), 'uncertain')
  assert.equal(deviceState(device('a', '', { online: false, since: 5 }), undefined, now), 'offline')
  assert.equal(deviceState(device('a', '', { online: false, since: 0 }), undefined, now), 'never')
  assert.equal(deviceState(device('a', '', { online: false, since: 5 }), 'A', now), 'A')
  const worst = graveness([{ gateway: 'gw', device: 'a', severity: 'B', handling: 'open' }, { gateway: 'gw', device: 'a', severity: 'A', handling: 'handling' }, { gateway: 'gw', device: 'b', severity: 'A', handling: 'closed' }, { gateway: 'gw', device: 'c', severity: 'A', handling: 'open', shadow: true }])
  assert.deepEqual([...worst], [['gw/a', 'A']])
})

test('a gateway is none of the devices that are counted', () => {
  assert.deepEqual(counted([device('a', ''), device('gw', '', { kind: 'gateway' })]).map((d) => d.id), ['a'])
})

test('without a drawing every device stands once in the box of its building, inside the picture, and no two boxes overlap', () => {
  const places = ['3栋2单元 1802 厨房', '3 栋 门厅', '地下车棚', '地下车棚', '', '12栋 1 单元', '配电房']
  const devices = Array.from({ length: 40 }, (_, n) => device(`d${n}`, places[n % places.length]))
  const nodes = [{ id: 'site', kind: '小区', name: '锦绣' }, { id: 'b3', kind: '楼栋', name: '3 栋' }, { id: 'b9', kind: '楼栋', name: '9 栋' }]
  const list = boxes(devices, nodes)
  assert.deepEqual(list.map((b) => b.name), ['3 栋', '9 栋', '12 栋', '地下车棚', '配电房', ''], 'buildings first, by their number; what has no place last')
  assert.equal(list[0].node, 'b3')
  for (const width of [340, 800, 1400]) {
    const l = laid(list, look(width))
    assert.equal(l.marks.length + l.more.reduce((sum, m) => sum + m.ids.length, 0), 40)
    l.shapes.forEach((s, n) => {
      assert.ok(s.x >= 0 && s.x + s.w <= width + 0.5 && s.y + s.h <= l.height + 0.5, `${s.name} at ${width}`)
      for (const other of l.shapes.slice(n + 1)) assert.ok(!overlap(s, other), `${s.name} and ${other.name} at ${width}`)
    })
    for (const m of l.marks) assert.ok(l.shapes.some((s) => s.ids.includes(m.id) && m.x > s.x && m.x < s.x + s.w && m.y > s.y && m.y < s.y + s.h), m.id)
  }
})

test('of too many devices those that matter most are shown, the others as one mark', () => {
  const devices = Array.from({ length: 200 }, (_, n) => device(`d${n}`, '1 栋'))
  const l = laid(boxes(devices, []), { ...look(340), rank: (id) => (id === 'gw/d150' ? 0 : 7) })
  assert.ok(l.marks.some((m) => m.id === 'gw/d150'))
  assert.equal(l.more.length, 1)
  assert.equal(l.marks.length + l.more[0].ids.length, 200)
})

const plan = { width: 100, height: 50, shapes: [{ kind: 'building', name: '3 栋', x: 0, y: 0, w: 50, h: 50, places: ['3号楼'] }, { kind: 'bikeshed', name: '车棚', x: 60, y: 0, w: 40, h: 20 }, { kind: 'other', name: '车棚北', x: 60, y: 30, w: 40, h: 20 }], pins: [{ gateway: 'gw', device: 'pinned', x: 75, y: 50 }] }

test('on a drawn plan a device stands where it is pinned, else in the shape of its place, else below the plan', () => {
  assert.equal(shapeOf({ place: '3栋2单元' }, plan.shapes), 0)
  assert.equal(shapeOf({ place: '3号楼 门厅' }, plan.shapes), 0)
  assert.equal(shapeOf({ place: '车棚北侧' }, plan.shapes), 2, 'the longest counts')
  assert.equal(shapeOf({ place: '13栋' }, plan.shapes), -1)
  const devices = [device('pinned', '3栋'), device('in', '3栋 1801'), device('lost', '屋顶')]
  const l = drawn(plan, devices, look(800), false)
  const at = (id) => l.marks.find((m) => m.id === `gw/${id}`)
  assert.deepEqual([at('pinned').x, at('pinned').y], [600, l.high / 2])
  assert.ok(at('in').x < 400 && at('in').y < l.high)
  assert.ok(at('lost').y > l.high && l.shapes.at(-1).free, 'what has no place on the plan is below it, not left out')
  assert.equal(l.marks.length, 3)
  assert.equal(drawn(plan, [], look(400), true).high, 200, 'a picture keeps its proportions')
})

test('what stands there by itself becomes a plan in which every device keeps its building', () => {
  const devices = [device('a', '3栋2单元 1802'), device('b', '地下车棚'), device('c', '')]
  const p = asPlan(laid(boxes(devices, [{ id: 'site' }, { id: 'b3', kind: '楼栋', name: '3 栋' }]), look(840)))
  assert.deepEqual(p.shapes.map((s) => s.name), ['3 栋', '地下车棚'])
  assert.equal(p.shapes[0].node, 'b3')
  for (const s of p.shapes) assert.ok(s.x >= 0 && s.x + s.w <= p.width && s.y + s.h <= p.height && s.w > 0 && s.h > 0, s.name)
  assert.deepEqual(devices.map((d) => shapeOf(d, p.shapes)), [0, 1, -1])
  assert.equal(keyOf(devices[0]), 'gw/a')
})

test('nothing is moved off the plan, or made smaller than can be seen', () => {
  const s = plan.shapes[1]
  assert.deepEqual([movedShape(s, plan, { x: 500, y: -500 }).x, movedShape(s, plan, { x: 500, y: -500 }).y], [60, 0])
  assert.equal(movedShape(s, plan, { w: 500 }).w, 40)
  assert.equal(movedShape(s, plan, { w: -500 }).w, 2)
  assert.deepEqual(movedPin({ device: 'a', x: 99.5, y: 0 }, 1, -1), { device: 'a', x: 100, y: 0 })
})

test('a name is cut where it does not fit', () => {
  assert.equal(fitting('地下车棚', 200), '地下车棚')
  assert.equal(fitting('地下车棚', 45), '地下…')
  assert.equal(fitting('地下车棚', 10), '')
})

test('a picture gives the plan its proportions, and what is drawn stays on it', () => {
  const p = proportioned(plan, 1)
  assert.equal(p.height, 100)
  assert.deepEqual(p.shapes.map((s) => [s.y, s.h]), [[0, 100], [0, 40], [60, 40]])
})
