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

test('every line of a timeline that the cloud can write has a word, and others have one for all', { skip: !existsSync('../../incident/incident.go') }, () => {
  const source = readFileSync('../../incident/incident.go', 'utf8')
  const kinds = /type Entry struct \{[^}]*json:"kind" enum:"([^"]+)"/.exec(source)?.[1]?.split(',') ?? []
  assert.ok(kinds.length > 5)
  for (const kind of [...kinds, 'other']) assert.ok(`step.${kind}` in zh, kind)
})

test('every kind of journal entry that the cloud makes has a word, and others have one for all', { skip: !existsSync('../../org/journal.go') }, () => {
  const source = /Kinds of journal entries\.\nconst \(([^]*?)\n\)/.exec(readFileSync('../../org/journal.go', 'utf8'))?.[1] ?? ''
  const kinds = [...source.matchAll(/= "(\w+)"/g)].map((m) => m[1])
  assert.ok(kinds.length > 10)
  for (const kind of [...kinds, 'other']) assert.ok(`journal.${kind}` in zh, kind)
})

test('filling keeps what has no value visible', () => {
  assert.equal(fill('{a} 和 {b}', { a: 1 }), '1 和 {b}')
  assert.equal(fill('{a}{a}', { a: 'x' }), 'xx')
})
