import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amounts, times, withUnit } from '../src/lib/axis.ts'

test('values of an axis are round, and never closer than they can be read', () => {
  assert.deepEqual(amounts(0, 32, 240), [0, 5, 10, 15, 20, 25, 30])
  assert.deepEqual(amounts(0, 32, 160), [0, 10, 20, 30])
  assert.deepEqual(amounts(218.4, 233.1, 240), [220, 222.5, 225, 227.5, 230, 232.5])
  assert.deepEqual(amounts(-0.5, 0.5, 240), [-0.4, -0.2, 0, 0.2, 0.4])
  for (const [low, high] of [[0, 1.2], [0, 7], [0, 4500], [49.9, 50.1]]) {
    const all = amounts(low, high, 240)
    assert.ok(all.length > 2 && all[0] >= low && all.at(-1) <= high, `${low} to ${high}: ${all}`)
    assert.ok(((all[1] - all[0]) / (high - low)) * 240 >= 34, `${low} to ${high}: ${all}`)
  }
  assert.deepEqual(amounts(5, 5, 240), [5], 'a range without extent ends')
})

test('times of an axis are whole minutes, and never closer than they can be read', () => {
  const from = Date.UTC(2026, 10, 22, 14, 41, 6), minute = 60_000
  for (const [long, px] of [[5, 300], [30, 300], [600, 300], [1440 * 30, 900], [1440 * 90, 300]]) {
    const all = times(from, from + long * minute, px, 'Asia/Shanghai')
    assert.ok(all.every((t) => t % minute === 0 && t >= from && t <= from + long * minute))
    if (all.length > 1) assert.ok(((all[1] - all[0]) / (long * minute)) * px >= 64, `${long} min: ${all}`)
  }
})

test('the unit stands once, at the top, and all numbers have the same decimals', () => {
  assert.deepEqual(withUnit([0, 2.5, 5], 'kW'), ['0.0', '2.5', '5.0 kW'])
  assert.deepEqual(withUnit([0, 1], ''), ['0', '1'])
})
