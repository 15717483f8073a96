import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Watchdog } from '../src/lib/watchdog.ts'

/** Ticks once a second up to a time; returns what was advised when. */
function run(dog, from, to, closed = false) {
  const advice = []
  for (let now = from; now <= to; now += 1000) {
    const a = dog.tick(now, closed)
    if (a) advice.push(`${now / 1000} ${a}`)
    if (a === 'reopen') dog.reopened(now)
  }
  return advice
}

test('a stream with events is live and never pinged', () => {
  const dog = new Watchdog(0)
  dog.opened(200)
  for (let now = 1000; now <= 60_000; now += 1000) {
    if (now % 4000 === 0) dog.sign(now)
    assert.equal(dog.tick(now, false), undefined)
  }
  assert.equal(dog.state, 'live')
})

test('a silent stream is pinged, and an answer keeps it alive', () => {
  const dog = new Watchdog(0)
  dog.opened(0)
  assert.deepEqual(run(dog, 1000, 5000), ['5 ping'])
  dog.sign(5200)
  assert.equal(dog.state, 'live')
  assert.deepEqual(run(dog, 6000, 11_000), ['11 ping'])
})

test('a line that died silently is lost within 10 s, and opened again', () => {
  const dog = new Watchdog(0)
  dog.opened(0)
  const advice = run(dog, 1000, 9000)
  assert.equal(dog.state, 'lost')
  assert.deepEqual(advice.slice(0, 1), ['5 ping'])
  assert.ok(advice.some((a) => a.endsWith('reopen')))
})

test('a broken stream is lost after 3 s; the browser may mend it before that without a word', () => {
  const dog = new Watchdog(0)
  dog.opened(0)
  dog.failed(1000)
  run(dog, 2000, 3000)
  assert.equal(dog.state, 'live')
  dog.opened(3500)
  run(dog, 4000, 5000)
  assert.equal(dog.state, 'live')
  dog.failed(6000)
  run(dog, 7000, 9000)
  assert.equal(dog.state, 'lost')
  dog.opened(9500)
  assert.equal(dog.state, 'live')
})

test('a stream that the browser gave up is opened every two seconds, a hanging one every eight', () => {
  const closed = new Watchdog(0)
  assert.deepEqual(run(closed, 1000, 7000, true), ['2 reopen', '4 reopen', '6 reopen'])
  const hanging = new Watchdog(0)
  assert.deepEqual(run(hanging, 1000, 20_000).filter((a) => a.endsWith('reopen')), ['8 reopen', '16 reopen'])
})

test('a computer that slept says so at once and heals', () => {
  const dog = new Watchdog(0)
  dog.opened(0)
  assert.equal(dog.tick(3_600_000, false), 'reopen')
  assert.equal(dog.state, 'lost')
  dog.reopened(3_600_000)
  dog.opened(3_600_300)
  assert.equal(dog.state, 'live')
})
