import assert from 'node:assert/strict'
import test from 'node:test'
import { grouped } from '../src/lib/journal.ts'

const minute = 60_000
const entry = (id, kind, gateway, at) => ({ id, kind, gateway, at, text: { zh: '', en: '' } })

test('what happened to many devices of a gateway at once is one group, in the order of the list', () => {
  const all = [entry(9, 'health', 'a', 100 * minute), entry(8, 'health', 'a', 99 * minute), entry(7, 'health', 'b', 99 * minute), entry(6, 'health', 'a', 98 * minute), entry(5, 'loss', 'a', 98 * minute), entry(4, 'loss', 'a', 80 * minute)]
  assert.deepEqual(grouped(all).map((g) => g.map((e) => e.id)), [[9, 8], [7], [6], [5], [4]])
  assert.deepEqual(grouped([]), [])
})
