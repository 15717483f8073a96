import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstRows, further, joined } from '../src/lib/rows.ts'

const street = Array.from({ length: 1000 }, (_, n) => ({ id: n }))
const server = (asked, list = () => street) => async (limit, offset = 0) => {
  asked.push([offset, limit])
  assert.ok(limit >= 1 && limit <= 200, 'the server refuses more')
  return { things: list().slice(offset, offset + limit), total: 1000, next: offset + limit < 1000 ? offset + limit : undefined }
}

test('a huge list pages to its end', async () => {
  let n = 50, steps = 0
  let page
  for (;;) {
    page = await firstRows(n, 'things', (r) => r.id, server([]))
    if (!page.next) break
    n = further(n)
    assert.ok(++steps < 20)
  }
  assert.equal(page.things.length, 1000)
  assert.deepEqual(page.things, street)
})

test('one answer is enough for what fits into it', async () => {
  const asked = []
  const page = await firstRows(150, 'things', (r) => r.id, server(asked))
  assert.deepEqual(asked, [[0, 150]])
  assert.equal(page.things.length, 150)
  await firstRows(450, 'things', (r) => r.id, server(asked))
  assert.deepEqual(asked.slice(1), [[0, 200], [200, 200], [400, 50]])
})

test('a row that moves to the next page meanwhile stands there once', async () => {
  const asked = []
  const page = await firstRows(400, 'things', (r) => r.id, server(asked, () => (asked.length > 1 ? [{ id: 999 }, ...street.slice(0, 999)] : street)))
  assert.equal(new Set(page.things.map((r) => r.id)).size, page.things.length)
})

test('what was paged to is read whole, and what moved meanwhile is there once', async () => {
  const all = Array.from({ length: 1000 }, (_, n) => ({ id: `i${n}` }))
  const asked = []
  const page = await firstRows(450, 'incidents', (i) => i.id, async (limit, before) => {
    asked.push(limit)
    const from = Math.max(0, Number(before ?? 0) - (before ? 1 : 0)) // one moved down between two pages
    return { incidents: all.slice(from, from + limit), next: String(from + limit), now: asked.length }
  })
  assert.deepEqual(page.incidents, all.slice(0, page.incidents.length))
  assert.equal(page.incidents.length, 448)
  assert.deepEqual(asked, [200, 200, 50])
  assert.equal(page.now, 3)
  assert.deepEqual((await firstRows(50, 'incidents', (i) => i.id, async () => ({ incidents: all.slice(0, 3) }))).incidents.length, 3)
  assert.deepEqual(joined([{ id: 'a' }], [{ id: 'a' }, { id: 'b' }], (i) => i.id).map((i) => i.id), ['a', 'b'])
})
