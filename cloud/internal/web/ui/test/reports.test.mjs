import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { drop, flush, newKey, submit, unsent } from '../src/lib/reports.ts'

// A server: what it is sent, and what it says next.
const sent = []
let say = () => [200, { id: 'GJ-1' }]
globalThis.XMLHttpRequest = class {
  upload = {}
  headers = {}
  open(_, url) { this.url = url }
  setRequestHeader(name, value) { this.headers[name] = value }
  send(body) {
    const answer = say(this.url)
    if (!answer) return queueMicrotask(() => this.onerror())
    sent.push({ url: this.url, key: this.headers['Idempotency-Key'], body: typeof body === 'string' ? JSON.parse(body) : undefined })
    this.status = answer[0]
    this.responseText = JSON.stringify(answer[1])
    queueMicrotask(() => this.onload())
  }
}
const draft = (key) => ({ key, at: 1, kind: 'fire', site: 'jinxiu', place: '', text: '冒烟', severity: '', photos: [], ids: [] })
beforeEach(() => { sent.length = 0; for (const d of [...unsent.list]) drop(d.key); say = () => [200, { id: 'GJ-1' }] })

test('a report that was received is not kept', async () => {
  assert.equal(await submit(draft('k1')), 'GJ-1')
  assert.deepEqual(sent.map((s) => [s.key, s.body.kind, s.body.place]), [['k1', 'fire', undefined]])
  assert.equal(localStorage.getItem('reports'), null)
})

test('without a line it is kept, and sent again with the same key', async () => {
  say = () => undefined
  assert.equal(await submit(draft('k2')), undefined)
  assert.equal(JSON.parse(localStorage.getItem('reports'))[0].key, 'k2')
  assert.equal(unsent.list[0].why, undefined)
  say = () => [200, { id: 'GJ-2' }]
  await flush()
  assert.deepEqual(sent.map((s) => s.key), ['k2'])
  assert.equal(unsent.list.length, 0)
})

test('what the server refuses waits for a person', async () => {
  say = () => [422, { code: 'bad_request', message: '没有这个小区' }]
  assert.equal(await submit(draft('k3')), undefined)
  assert.equal(unsent.list[0].why, '没有这个小区')
  sent.length = 0
  await flush()
  assert.equal(sent.length, 0)
  await flush(true)
  assert.equal(sent.length, 1)
})

test('keys are never the same', () => assert.equal(new Set(Array.from({ length: 200 }, newKey)).size, 200))
