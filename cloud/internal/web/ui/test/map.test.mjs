import assert from 'node:assert/strict'
import { test } from 'node:test'
import './browser.mjs'
import { below, children, middle, nearest, project, sitesBelow } from '../src/lib/map.ts'

const nodes = [
  { id: 'st', depth: 0, kind: '街道', name: '街道' }, { id: 'c1', parent: 'st', depth: 1, kind: '社区', name: '一' }, { id: 'a', parent: 'c1', depth: 2, kind: '小区', name: '甲', sites: ['s1', 's2'] },
  { id: 'c2', parent: 'st', depth: 1, kind: '社区', name: '二', sites: ['s3'] },
]

test('a street is drawn as it lies: north is up, east is right, and a square stays one', () => {
  const p = project([[113, 29], [113.01, 29.01]], 400, 2000)
  const [west, south] = p.at([113, 29])
  const [east, north] = p.at([113.01, 29.01])
  assert.ok(east > west && north < south)
  const km = Math.cos(29.005 * Math.PI / 180)
  assert.ok(Math.abs((east - west) / (south - north) - km) < 0.01, 'a degree of longitude is shorter than one of latitude')
  for (const v of [west, south, east, north]) assert.ok(v >= 0 && v <= Math.max(p.width, p.height))
})

test('a picture keeps to its box, and one point is in its middle', () => {
  const high = project([[113, 29], [113.001, 29.1]], 400, 300)
  assert.equal(high.height, 300)
  for (const at of [[113, 29], [113.001, 29.1]]) { const [x, y] = high.at(at); assert.ok(x >= 0 && x <= 400 && y >= 0 && y <= 300) }
  const one = project([[113, 29]], 400, 300)
  assert.ok(Math.abs(one.at([113, 29])[0] - 200) < 60)
})

test('what hangs below a node', () => {
  assert.deepEqual([...below(nodes, 'c1')], ['c1', 'a'])
  assert.deepEqual([...sitesBelow(nodes, 'st')], ['s1', 's2', 's3'])
  assert.equal(sitesBelow(nodes, ''), undefined)
  assert.deepEqual(children(nodes, '').map((n) => n.id), ['st'])
  assert.deepEqual(children(nodes.slice(1), '').map((n) => n.id), ['c1', 'c2'], 'the part that somebody may see has roots of its own')
})

test('a place without a position is nowhere, and the nearest mark has to be near', () => {
  assert.equal(middle(['x'], {}), undefined)
  assert.deepEqual(middle(['a', 'b', 'x'], { a: [2, 2], b: [4, 6] }), [3, 4])
  const marks = [{ id: 1, x: 10, y: 10 }, { id: 2, x: 20, y: 10 }]
  assert.equal(nearest(marks, 16, 10).id, 2)
  assert.equal(nearest(marks, 100, 100), undefined)
})
