import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createRenderer } from 'vue'
import { useIncidents } from '../src/lib/incidents.ts'
import { startLive } from '../src/lib/live.ts'

// A server over a slow line, and its stream.
const asked = []
globalThis.fetch = (url) => new Promise((done) => { asked.push({ url, say: (body) => done({ ok: true, status: 200, text: async () => JSON.stringify(body) }) }) })
let told
globalThis.EventSource = class {
  calls = {}
  constructor() { told = (kind, data) => this.calls[kind]({ data: JSON.stringify(data), lastEventId: '' }) }
  addEventListener(kind, call) { this.calls[kind] = call }
  close() {}
}
globalThis.scrollTo = () => {}
const until = async (there) => { for (let n = 0; n < 1000 && !there(); n++) await new Promise((done) => setTimeout(done, 5)) }
const alert = (id, handling = 'open') => ({ id, handling, severity: 'A', condition: 'active', since: 1, title: { zh: '', en: '' }, place: '' })
const page = (...incidents) => ({ incidents, counts: { open: 9, handling: 1, closed: 1 }, now: Date.now() })
/** A page without a picture that uses the list. */
function mounted() {
  const node = () => ({})
  const app = createRenderer({ insert() {}, remove() {}, createElement: node, createText: node, createComment: node, setText() {}, setElementText() {}, parentNode: () => null, nextSibling: () => null, patchProp() {} })
  let box
  app.createApp({ setup() { box = useIncidents(); return () => null } }).mount({})
  return box
}

test('what comes before the first answer does not stand alone, and is not lost', async () => {
  startLive('张三')
  await until(() => told)
  const box = mounted()
  assert.equal(asked.length, 1)
  assert.ok(readFileSync('../embed.go', 'utf8').includes(`"${asked[0].url.replace('/api/v1', '')}"`), `the browser is told early to ask for ${asked[0].url}, or it asks twice`)
  told('incident', alert('late'))
  assert.deepEqual([box.loading, box.known, box.list.length], [true, false, 0], 'still the skeletons')
  told('incident', alert('taken', 'handling'))
  told('incident', { ...alert('known'), place: 'as it was' })
  asked[0].say(page(alert('known'), alert('other')))
  await until(() => box.known)
  assert.ok(box.known)
  assert.deepEqual(box.list.map((i) => i.id).sort(), ['known', 'late', 'other'])
  assert.equal(box.list.find((i) => i.id === 'known').place, '', 'the answer is the newer word')
  told('incident', alert('next'))
  assert.equal(box.list.length, 4, 'from then on at once')
  box.show('handling')
  told('incident', alert('mine', 'handling'))
  assert.deepEqual([box.known, box.list.length], [false, 0], 'another tab begins anew')
})
