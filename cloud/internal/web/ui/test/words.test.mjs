import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fill } from '../src/lib/fill.ts'
import { en } from '../src/words/en.ts'
import { zh } from '../src/words/zh.ts'

const names = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()

test('both languages have the same keys, and no sentence is empty', () => {
  assert.deepEqual(Object.keys(en).sort(), Object.keys(zh).sort())
  for (const [key, text] of [...Object.entries(zh), ...Object.entries(en)]) assert.ok(text.trim(), key)
})

test('both languages fill in the same values', () => {
  for (const key of Object.keys(zh)) assert.deepEqual(names(en[key]), names(zh[key]), key)
})

test('no English sentence holds Chinese, but the name of the other language', () => {
  for (const [key, text] of Object.entries(en)) if (key !== 'nav.language') assert.doesNotMatch(text, /\p{Script=Han}/u, key)
})

test('every reason that a driver can give has a word', { skip: !existsSync('../../../../drivers/device/reading.go') }, () => {
  const source = readFileSync('../../../../drivers/device/reading.go', 'utf8')
  const list = /reasonNames = \[\.\.\.\]string\{([^}]*)\}/.exec(source)?.[1] ?? ''
  const reasons = [...list.matchAll(/"(\w+)"/g)].map((m) => m[1])
  assert.ok(reasons.length > 10)
  for (const reason of reasons) assert.ok(`reason.${reason}` in zh, reason)
})

test('filling keeps what has no value visible', () => {
  assert.equal(fill('{a} 和 {b}', { a: 1 }), '1 和 {b}')
  assert.equal(fill('{a}{a}', { a: 'x' }), 'xx')
})
