import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alarms, canvasOf, fit, freshness, legendOf, moved, parts, patched, queued, rootSize, settled, stateOf, step, tally, told } from '../src/lib/wall.ts'

test('a cell shows the worst that is true of its site', () => {
  assert.equal(stateOf({ id: 'x' }), 'calm')
  assert.equal(stateOf({ id: 'x', m: 2 }), 'repair')
  assert.equal(stateOf({ id: 'x', w: true, m: 2, off: true }), 'window')
  assert.equal(stateOf({ id: 'x', w: true, A: 1 }), 'A')
  assert.equal(stateOf({ id: 'x', m: 2, off: true }), 'offline')
  assert.equal(stateOf({ id: 'x', off: true, C: 1 }), 'C')
  assert.equal(stateOf({ id: 'x', never: true }), 'never')
  assert.equal(stateOf({ id: 'x', A: 1, B: 3, off: true }), 'A')
})

test('the numbers are counted from the cells, with what is about no site', () => {
  const sum = tally({ sites: [{ id: 'a', A: 1, off: true }, { id: 'b', m: 2 }, { id: 'c' }], elsewhere: { id: '', C: 1 } })
  assert.deepEqual([sum.A, sum.C, sum.m, sum.offline, sum.sites], [1, 1, 2, 1, 3])
  assert.deepEqual([sum.by.A, sum.by.repair, sum.by.calm], [1, 1, 1])
  const legend = legendOf(sum)
  assert.equal(legend.reduce((n, l) => n + l.n - l.worse, 0), sum.sites, 'what is counted twice is said')
  assert.deepEqual(legend.find((l) => l.s === 'offline'), { s: 'offline', n: 1, worse: 1 })
})

test('a change keeps name and group, and what it leaves out is zero', () => {
  assert.deepEqual(patched({ id: 'a', n: '甲', g: 'zz', A: 1, off: true }, { id: 'a', C: 1 }), { id: 'a', n: '甲', g: 'zz', C: 1 })
})

const street = () => ({
  at: 1, groups: [{ id: 'x', name: '甲' }, { id: 'y', name: '乙' }], elsewhere: { id: '' }, queue: [], numbers: { counts: { open: 1, handling: 0, closed: 0 } },
  sites: [{ id: 'a', n: 'a', g: 'x' }, { id: 'b', n: 'b', g: 'x' }, { id: 'c', n: 'c', g: 'y', off: true, t: 5 }, { id: 'd', n: 'd', g: 'y' }],
})

test('of hundreds of cells only those that changed are new, and only their group', () => {
  const wall = street()
  const before = parts(wall.groups, wall.sites)
  assert.deepEqual(before.map((p) => [p.name, p.cells.map((c) => c.id).join('')]), [['甲', 'ab'], ['乙', 'cd']])
  const next = told(wall, new Map([['d', { id: 'd', A: 1 }], ['', { id: '', C: 2 }], ['unknown', { id: 'unknown' }]]))
  assert.deepEqual(next.sites.map((s, i) => s === wall.sites[i]), [true, true, true, false])
  assert.deepEqual([next.sites[3], next.elsewhere.C, wall.elsewhere.C], [{ id: 'd', n: 'd', g: 'y', A: 1 }, 2, undefined])
  const after = parts(next.groups, next.sites, before)
  assert.deepEqual(after.map((p, i) => p.cells === before[i].cells), [true, false])
  // A snapshot that says the same in other objects is no change; zero and nothing are the same.
  const fresh = street()
  fresh.sites[3] = { id: 'd', n: 'd', g: 'y', A: 1, B: 0, off: false }
  const healed = settled(next, fresh)
  assert.deepEqual(healed.sites.map((s, i) => s === next.sites[i]), [true, true, true, true])
  assert.equal(parts(healed.groups, healed.sites, after)[1].cells, after[1].cells)
  fresh.sites[2] = { id: 'c', n: 'c', g: 'y' } // no longer silent
  assert.equal(settled(next, fresh).sites[2], fresh.sites[2])
})

test('what is taken waits no more, and is counted once', () => {
  const i = (handling) => ({ id: 'GJ-1', severity: 'A', handling, condition: 'active', since: 1 })
  const wall = moved(street(), i('open'))
  const taken = moved(moved(wall, i('handling')), i('handling'))
  assert.deepEqual([wall.numbers.counts.open, taken.numbers.counts.open, taken.queue.length], [1, 0, 1])
})

test('the queue is by need, and what is closed leaves it', () => {
  const i = (id, severity, handling, more = {}) => ({ id, severity, handling, condition: 'active', since: 1, ...more })
  let queue = []
  for (const x of [i('c', 'C', 'open'), i('taken', 'A', 'handling'), i('a', 'A', 'open'), i('b', 'B', 'open', { deadline: 9 }), i('b0', 'B', 'open', { deadline: 3 })]) queue = queued(queue, x)
  assert.deepEqual(queue.map((x) => x.id), ['a', 'b0', 'b', 'c', 'taken'])
  assert.deepEqual(queued(queue, i('a', 'A', 'closed')).map((x) => x.id), ['b0', 'b', 'c', 'taken'])
  assert.equal(queued(queue, i('z', 'C', 'open'), 3).length, 3)
  assert.ok(!queued(queue, i('w', 'B', 'open', { window: true, shelved: true })).some((x) => x.id === 'w'), 'what nobody was told of in a maintenance window is not in it')
})

test('what is older than 10 s is said, older than 30 s counts no more', () => {
  assert.deepEqual([0, 10_000, 10_001, 30_001].map(freshness), ['fresh', 'fresh', 'slow', 'expired'])
})

test('the cells of 614 sites fit, and are as large as the box allows', () => {
  const counts = [58, 57, 53, 57, 57, 53, 57, 57, 53, 57, 55]
  const small = fit({ width: 1400, height: 850 }, counts, 24, 4)
  const large = fit({ width: 5000, height: 1900 }, counts, 48, 8)
  assert.ok(small.cell >= 24 && large.cell > 1.8 * small.cell, JSON.stringify([small, large]))
  assert.ok(fit({ width: 200, height: 80 }, counts, 24, 4).cell >= 6)
})

test('odd canvases and distances', () => {
  assert.deepEqual(canvasOf('6720x2160'), { width: 6720, height: 2160 })
  for (const bad of [null, '', '6720', '10x10', '99999x99999', 'axb']) assert.equal(canvasOf(bad), undefined)
  assert.equal(rootSize({ width: 1920, height: 1080 }), 16)
  assert.ok(rootSize({ width: 1280, height: 860 }) * 13 / 16 >= 11, 'small print can be read')
  assert.equal(rootSize({ width: 3840, height: 2160 }), 32)
  assert.equal(rootSize({ width: 6720, height: 2160 }), 32)
  assert.ok(rootSize({ width: 1920, height: 1080 }, 4, 1.2) > 40)
})

test('the tone is for what begins with severity A, and for what rises to it in place', () => {
  const due = alarms(), at = 1_000_000
  const of = (id, severity, more = {}) => ({ id, severity, handling: 'open', since: at - 5000, ...more })
  assert.equal(due(of('1', 'A'), at), true)
  assert.equal(due(of('1', 'A'), at), false, 'once')
  assert.equal(due(of('2', 'B', { since: at - 600_000 }), at), false)
  assert.equal(due(of('2', 'A', { since: at - 600_000 }), at), true, 'ten minutes old, and worse now')
  assert.equal(due(of('2', 'A', { since: at - 600_000 }), at), false)
  assert.equal(due(of('3', 'A', { since: at - 600_000 }), at, 'C'), true, 'the snapshot knew it as less')
  assert.equal(due(of('4', 'A', { since: at - 600_000 }), at), false, 'old, and nobody knows what it was')
  assert.equal(due(of('5', 'A', { since: at - 600_000 }), at, 'A'), false)
  assert.equal(due(of('6', 'A', { handling: 'handling' }), at, 'B'), false, 'somebody is at it')
  assert.equal(due(of('7', 'A', { late: true }), at), false, 'what was only told late')
})

test('arrows lead from cell to cell', () => {
  // Two communities side by side, three cells in a row each: 0 1 2 | 4 5 6, 3 below 0, 7 below 4.
  const box = (x, y) => ({ left: x * 10, top: y * 10, width: 9, height: 9 })
  const cells = [box(0, 0), box(1, 0), box(2, 0), box(0, 1), box(5, 0), box(6, 0), box(7, 0), box(5, 1)]
  assert.equal(step(cells, 0, 'ArrowRight'), 1)
  assert.equal(step(cells, 0, 'ArrowLeft'), undefined)
  assert.equal(step(cells, 0, 'ArrowDown'), 3)
  assert.equal(step(cells, 3, 'ArrowUp'), 0)
  assert.equal(step(cells, 5, 'ArrowDown'), 7)
  assert.equal(step(cells, 3, 'ArrowDown'), undefined)
  assert.deepEqual([step(cells, 4, 'Home'), step(cells, 4, 'End')], [0, 7])
  assert.equal(step(cells, 4, 'Enter'), undefined, 'a link of its own')
})
