import assert from 'node:assert/strict'
import { test } from 'node:test'
import { number } from '../src/lib/number.ts'
import { amount, hourMinuteSecond, stale, stopwatch, tick, when } from '../src/lib/time.ts'
import { dayTime, ticks } from '../src/lib/zone.ts'

const zone = 'Asia/Shanghai'
const at = Date.UTC(2026, 10, 22, 14, 41, 6) // 22:41:06 in Shanghai

test('elapsed time is m:ss below ten minutes and an amount above', () => {
  assert.equal(stopwatch(42_900), '0:42')
  assert.equal(stopwatch(250_000), '4:10')
  assert.equal(stopwatch(599_999), '9:59')
  assert.equal(stopwatch(600_000), undefined)
  assert.equal(stopwatch(-5000), '0:00')
  assert.equal(stopwatch(NaN), undefined)
})

test('amounts take the largest unit that fits, rounded down', () => {
  const said = (ms) => { const a = amount(ms); return `${a.n} ${a.unit}` }
  assert.deepEqual([0, 59_999, 60_000, 3_599_999, 3_600_000, 47 * 3_600_000, 48 * 3_600_000].map(said), ['0 s', '59 s', '1 min', '59 min', '1 h', '47 h', '2 d'])
  assert.equal(said(-1), '0 s')
  assert.equal(said(NaN), '0 s')
})

test('clocks show the zone of the site in 24 hours, whatever the zone of this machine', () => {
  assert.equal(hourMinuteSecond(at, zone), '22:41:06')
  assert.equal(when(at, at + 60_000, zone), '22:41')
  assert.equal(when(at, at + 2 * 3_600_000, zone), '11-22 22:41')
  assert.equal(tick(Date.UTC(2026, 10, 22, 16, 0), zone), '11-23', 'the date stands where the day begins')
  assert.equal(tick(Date.UTC(2026, 10, 22, 16, 30), zone), '00:30')
})

test('a value is stale when three polls are overdue', () => {
  assert.equal(stale(at, 5000, at + 24_000), false)
  assert.equal(stale(at, 5000, at + 26_000), true)
  assert.equal(stale(at, 0, at + 12_000), false)
  assert.equal(stale(at, 60_000, at + 180_000), false)
})

test('a value that is only sent when it changes may be silent as long as its device allows', () => {
  assert.equal(stale(at, 5000, at + 600_000, 600_000), false)
  assert.equal(stale(at, 5000, at + 626_000, 600_000), true)
})

test('numbers get the decimals of their unit, and nothing becomes 0', () => {
  assert.equal(number(512.34, 'W'), '512')
  assert.equal(number(3.64, 'W'), '3.6')
  assert.equal(number(230, 'V'), '230.0')
  assert.equal(number(32, '%LEL'), '32')
  assert.equal(number(-0.001, 'A'), '0.00')
  assert.equal(number(null, 'W'), undefined)
  assert.equal(number(NaN, 'W'), undefined)
  assert.equal(number(undefined), undefined)
})

test('a field of day and time is read in the zone', () => {
  assert.equal(dayTime('2026-11-22T22:41', zone), Date.UTC(2026, 10, 22, 14, 41))
  assert.equal(dayTime('2026-03-29T12:00', 'Europe/London'), Date.UTC(2026, 2, 29, 11))
  assert.equal(dayTime('', zone), undefined)
})

test('the times of an axis are round on the clocks of the zone, days begin at its midnight', () => {
  const hour = 3_600_000, said = (from, to, step, zone) => ticks(from, to, step, zone).map((t) => tick(t, zone))
  assert.deepEqual(said(at, at + 10 * hour, 3 * hour, zone), ['11-23', '03:00', '06:00'])
  assert.deepEqual(said(at, at + 49 * hour, 24 * hour, zone), ['11-23', '11-24'])
  assert.deepEqual(said(Date.UTC(2026, 0, 1, 0, 10), Date.UTC(2026, 0, 1, 2), hour, 'Asia/Kolkata'), ['06:00', '07:00'], 'a zone of half hours')
  assert.deepEqual(ticks(at, at - 1, hour, zone), [])
})
