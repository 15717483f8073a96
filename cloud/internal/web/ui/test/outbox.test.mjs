import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { checkIn, kept, mineOf, flush as flushCheckins } from '../src/lib/checkins.ts'
import { unsent as waiting } from '../src/lib/kept.ts'
import { drop, flush, submit, unsent } from '../src/lib/reports.ts'
import { session } from '../src/lib/session.ts'

// A server over a slow line: what it is asked, and when it answers.
const asked = []
let answer = () => [200, {}]
globalThis.XMLHttpRequest = class {
  upload = {}
  open(_, url) { this.url = url.replace('/api/v1', '') }
  setRequestHeader() {}
  async send() {
    asked.push(this.url)
    const said = await answer(this.url)
    if (!said) return this.onerror()
    this.status = said[0]
    this.responseText = JSON.stringify(said[1])
    this.onload()
  }
}
globalThis.fetch = async (url) => {
  asked.push(url.replace('/api/v1', ''))
  const said = await answer(url)
  if (!said) throw new TypeError('no line')
  return { ok: said[0] < 300, status: said[0], text: async () => JSON.stringify(said[1]) }
}
const photo = 'data:image/jpeg;base64,AAAA'
const draft = (key, photos = []) => ({ key, at: 1, kind: 'fire', site: 'jinxiu', place: '', text: '冒烟', severity: '', photos, ids: [] })
const turn = () => new Promise((done) => setTimeout(done, 5))
beforeEach(() => {
  session.user = { name: '张三', role: 'grid' }
  for (const d of [...unsent.list]) drop(d.key)
  kept.list = []
  asked.length = 0
  answer = () => [200, { id: 'p-1' }]
})

test('a report that is on its way is not sent a second time by a line that comes back', async () => {
  let line
  const slow = new Promise((done) => { line = done })
  answer = async (url) => { if (url.endsWith('/photos')) await slow; return [200, { id: 'x' }] }
  const sent = submit(draft('k1', [photo, photo]))
  await turn()
  const again = flush()
  line()
  assert.equal(await sent, 'x')
  await again
  assert.deepEqual(asked, ['/photos', '/photos', '/reports'])
})

test('a second tap while a photo is uploaded has its turn', async () => {
  let line
  const slow = new Promise((done) => { line = done })
  answer = async (url) => { if (url.endsWith('/photos')) await slow; return [200, { id: 7 }] }
  const first = checkIn('7', 1, {}, [photo])
  await turn()
  const second = checkIn('7', 2, {}, [])
  line()
  assert.deepEqual([(await first).id, (await second).id, kept.list.length], [7, 7, 0])
  assert.equal(asked.length, 3)
})

test('on a shared phone each goes out as the one who made it', async () => {
  answer = () => undefined
  assert.equal(await submit(draft('k1')), undefined)
  await checkIn('7', 1, {}, [])
  assert.equal(waiting.value, 2)
  session.user = { name: '李四', role: 'grid' }
  answer = () => [200, { id: 'x' }]
  asked.length = 0
  await Promise.all([flush(true), flushCheckins()])
  assert.deepEqual([asked, waiting.value, mineOf('7').length], [[], 0, 0])
  assert.deepEqual(JSON.parse(localStorage.getItem('reports')).map((d) => [d.who, d.key]), [['张三', 'k1']])
  await submit(draft('k2'))
  assert.deepEqual(asked, ['/reports'])
  session.user = { name: '张三', role: 'grid' }
  await Promise.all([flush(), flushCheckins()])
  assert.equal(asked.length, 3)
  assert.deepEqual([unsent.list, kept.list, waiting.value], [[], [], 0])
})

test('where nobody answers the rest waits, and is tried anew the next time', async () => {
  answer = () => undefined
  await submit(draft('k1'))
  await submit(draft('k2'))
  assert.deepEqual(asked, ['/reports', '/reports'])
  assert.deepEqual(unsent.list.map((d) => d.why), [undefined, undefined])
  answer = () => [200, { id: 'x' }]
  await flush()
  assert.deepEqual([asked.length, unsent.list.length], [4, 0])
})
