import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Exchange } from '../src/lib/exchange.ts'

/** An exchange with streams and pages that a test plays. */
function room() {
  const r = { now: 1000, dialled: [], closed: 0 }
  r.exchange = new Exchange((address, heard) => {
    const line = { address, heard, open: true }
    r.dialled.push(line)
    return () => { if (line.open) r.closed++; line.open = false }
  }, () => r.now)
  r.last = () => r.dialled[r.dialled.length - 1]
  r.running = () => r.dialled.filter((l) => l.open).length
  r.page = (who = 'guard', want = {}, key = '') => {
    const told = []
    const tell = (t) => told.push(t)
    const ask = (a) => r.exchange.hear(tell, a)
    ask({ do: 'join', who, key, want })
    return { told, ask, kinds: () => told.splice(0).map((t) => (t.is === 'event' ? t.kind : t.is)) }
  }
  return r
}

test('seven pages of one reader have one stream, and each hears every event', () => {
  const r = room()
  const pages = Array.from({ length: 7 }, () => r.page())
  assert.equal(r.dialled.length, 1)
  r.last().heard.open()
  r.last().heard.event('incident', '{"id":"a"}', '5')
  for (const p of pages) assert.deepEqual(p.kinds(), ['here', 'open', 'incident'])
  const late = r.page()
  assert.deepEqual(late.kinds(), ['here', 'open'], 'one that comes later finds it open')
  for (const p of [...pages, late]) p.ask({ do: 'leave' })
  assert.equal(r.running(), 0, 'nobody is left: no stream')
})

test('another reader, or the holder of a link, has a stream of his own', () => {
  const r = room()
  r.page('guard')
  r.page('chief')
  r.page('link', {}, 'secret')
  assert.deepEqual(r.dialled.map((l) => l.address), ['/api/v1/stream', '/api/v1/stream', '/api/v1/stream?k=secret'])
})

test('what pages want is asked for together; more opens the stream anew behind the last event, and no page reads again', () => {
  const r = room()
  const one = r.page('guard', { site: 's 1' })
  r.last().heard.open()
  r.last().heard.event('ping', '{}', '')
  r.last().heard.event('cell', '{}', '77')
  const two = r.page('guard', { device: 'g/d' })
  assert.equal(r.last().address, '/api/v1/stream?device=g%2Fd&site=s+1&after=77')
  assert.equal(r.running(), 1)
  r.last().heard.open()
  assert.deepEqual(one.kinds(), ['here', 'open', 'ping', 'cell'])
  assert.deepEqual(two.kinds(), ['here', 'open'])
  two.ask({ do: 'want', want: { site: 's 1' } })
  assert.equal(r.dialled.length, 2, 'less is wanted: that can wait')
  r.now += 30_000
  for (const p of [one, two]) p.ask({ do: 'here' })
  r.exchange.sweep()
  assert.equal(r.last().address, '/api/v1/stream?site=s+1&after=77')
  r.dialled[0].heard.event('cell', '{}', '99')
  assert.deepEqual(one.kinds(), ['here'], 'a stream that was closed says nothing any more')
})

test('a break is told to all, and so is that it is over; they ask for a new one many times and get one', () => {
  const r = room()
  const pages = [r.page(), r.page(), r.page()]
  r.last().heard.open()
  r.last().heard.event('cell', '{}', '7')
  r.last().heard.broken(true)
  r.now += 2000
  for (const p of pages) p.ask({ do: 'reopen', why: 'closed' })
  assert.equal(r.dialled.length, 2)
  assert.equal(r.last().address, '/api/v1/stream', 'after a break the pages read again')
  r.now += 3000
  for (const p of pages) p.ask({ do: 'reopen', why: 'stuck' })
  assert.equal(r.dialled.length, 2, 'one that hangs is given time')
  r.last().heard.open()
  for (const p of pages) assert.deepEqual(p.kinds(), ['here', 'open', 'cell', 'broken', 'open'])
})

test('a stream that is dead without a word is opened anew, and all hear that the next one is open', () => {
  const r = room()
  const pages = [r.page(), r.page()]
  r.last().heard.open()
  for (const p of pages) p.kinds()
  r.now += 9000
  pages[0].ask({ do: 'reopen', why: 'stuck' })
  assert.equal(r.dialled.length, 2)
  const late = r.page()
  assert.deepEqual(late.kinds(), ['here'], 'nothing is open yet')
  r.last().heard.open()
  for (const p of [...pages, late]) assert.deepEqual(p.kinds(), ['open'])
})

test('a page that vanished without a word is forgotten; one that only slept may join again', () => {
  const r = room()
  const gone = r.page()
  const here = r.page()
  r.now += 44_000
  here.ask({ do: 'here' })
  r.now += 5000
  r.exchange.sweep()
  r.last().heard.open()
  assert.deepEqual(gone.kinds(), ['here', 'gone'])
  assert.deepEqual(here.kinds(), ['here', 'here', 'open'])
  gone.ask({ do: 'here' })
  assert.deepEqual(gone.kinds(), ['gone'])
  r.now += 60_000
  r.exchange.sweep()
  assert.equal(r.running(), 0)
})
