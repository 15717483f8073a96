import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { adviceOf, attachedFor, byCost, kindOf, percent, pieces, spanAt } from '../src/lib/ledger.ts'
import { say } from '../src/words/ledger.ts'
import { sharedZh } from '../src/words/shared.zh.ts'

const data = (from, to) => ({ from, to, state: 'data' })
const none = (from, to, reason) => ({ from, to, state: 'none', reason })

test('the strip shows every span, a short hole as wide as one can see', () => {
  const p = pieces([data(0, 500), none(500, 501, 'timeout'), data(501, 1000)], 0, 1000)
  assert.deepEqual(p.map((b) => b.kind), ['data', 'device', 'data'])
  assert.deepEqual([p[0].width, p[1].width, p[1].left], [50, 0.4, 50])
  const end = pieces([data(0, 9999), none(9999, 10_000, 'late')], 0, 10_000)[1]
  assert.ok(end.left + end.width <= 100, 'nothing sticks out')
  assert.deepEqual(pieces([], 5, 5), [])
})

test('a finger near a short hole means the hole', () => {
  const spans = [data(0, 500), none(500, 501, 'timeout'), data(501, 1000)]
  assert.equal(spanAt(spans, 0, 1000, 0.49), 1)
  assert.equal(spanAt(spans, 0, 1000, 0.2), 0)
  assert.equal(spanAt(spans, 0, 1000, 0.9), 2)
  assert.equal(spanAt(spans, 0, 1000, 7), 2)
})

test('reasons come by what they cost, and what is not all is never 100', () => {
  assert.deepEqual(byCost({ a: 1, b: 3 }).map(([r]) => r), ['b', 'a'])
  assert.deepEqual([100, 99.996, 99.2, 61].map(percent), ['100', '99.99', '99.20', '61.0'])
})

test('a site whose devices all came during the day is not whole for the day', () => {
  const device = (dueMs, reasons = {}) => ({ dueMs, reasons })
  assert.equal(attachedFor({ devices: [device(500, { not_configured: 500 }), device(300, { not_configured: 700 }), device(0, { not_configured: 1000 })] }), 500)
  assert.equal(attachedFor({ devices: [device(500, { not_configured: 500 }), device(1000)] }), undefined)
  assert.equal(attachedFor({ devices: [] }), undefined)
})

test('every reason has a kind, an advice and their words', () => {
  const source = '../../ledger/ledger.go'
  const own = existsSync(source) ? [...readFileSync(source, 'utf8').matchAll(/^\t[A-Z]\w+ += "(\w+)"$/gm)].map((m) => m[1]).filter((w) => w !== 'data' && w !== 'none') : ['late']
  assert.ok(own.length > 0)
  for (const reason of [...own, 'evicted', 'damaged', 'rejected', 'write_failed', 'restored', 'sensor_fault']) {
    assert.ok(`reason.${reason}` in sharedZh.names, reason)
    assert.ok(`do.${adviceOf(reason)}` in say.both.zh, reason)
    assert.ok(`state.${kindOf(none(0, 1, reason))}` in say.both.zh, reason)
  }
})
