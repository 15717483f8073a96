import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstRows, further } from '../src/lib/rows.ts'

const street = Array.from({ length: 1000 }, (_, n) => ({ id: n }))
const server = (asked, list = () => street) => async (offset, limit) => {
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
