import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bulkFit, leftOut } from '../src/lib/bulk.ts'

const one = (handling, severity, condition) => ({ handling, severity, condition })
const list = [one('open', 'B', 'active'), one('handling', 'A', 'recovered'), one('handling', 'B', 'active'), one('handling', 'B', 'recovered'), one('handling', 'C', 'none'), one('closed', 'C', 'recovered'), one('closed', 'A', 'recovered')]

test('many are closed at once only when they are taken, over, and no danger; each that is left out has its reason', () => {
  assert.deepEqual(list.map((i) => bulkFit('close', i)), [false, false, false, true, true, false, false])
  assert.deepEqual(leftOut('close', list), [{ why: 'open', n: 1 }, { why: 'urgent', n: 1 }, { why: 'active', n: 1 }, { why: 'closed', n: 2 }])
})

test('what nobody has can be taken, what is not closed can be urged', () => {
  assert.deepEqual(list.map((i) => bulkFit('take', i)), [true, false, false, false, false, false, false])
  assert.deepEqual(list.map((i) => bulkFit('urge', i)), [true, true, true, true, true, false, false])
  assert.deepEqual(leftOut('take', list), [{ why: 'taken', n: 4 }, { why: 'closed', n: 2 }])
  for (const deed of ['take', 'urge', 'close']) assert.equal(list.filter((i) => bulkFit(deed, i)).length + leftOut(deed, list).reduce((n, l) => n + l.n, 0), list.length, deed)
})
