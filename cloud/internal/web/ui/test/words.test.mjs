import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fill } from '../src/lib/fill.ts'
import { en } from '../src/words/en.ts'
import { sharedEn } from '../src/words/shared.en.ts'
import { sharedZh } from '../src/words/shared.zh.ts'
import { say as saySystem } from '../src/words/system.ts'
import { zh } from '../src/words/zh.ts'
import { pages } from './pages.mjs'

/** Every table of words: that of the first view, those that pages share, and those that come with pages (words() in words/<area>.ts). */
const tables = [['first view', { zh, en }], ...Object.keys(sharedZh).map((area) => [`shared ${area}`, { zh: sharedZh[area], en: sharedEn[area] ?? {} }])]
for (const [file, module] of Object.entries(import.meta.glob('../src/words/*.ts', { eager: true }))) {
  for (const [name, value] of Object.entries(module)) if (value?.both) tables.push([`${file} ${name}`, value.both])
}
const each = (call) => { for (const [name, both] of tables) call(both, name) }
const names = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()

test('both languages have the same keys, and no sentence is empty', () => {
  each(({ zh, en }, name) => {
    assert.deepEqual(Object.keys(en).sort(), Object.keys(zh).sort(), name)
    for (const [key, text] of [...Object.entries(zh), ...Object.entries(en)]) assert.ok(text.trim(), `${name} ${key}`)
  })
})

test('both languages fill in the same values', () => {
  each(({ zh, en }, name) => { for (const key of Object.keys(zh)) assert.deepEqual(names(en[key]), names(zh[key]), `${name} ${key}`) })
})

test('Chinese sentences have Chinese marks', () => {
  each(({ zh }, name) => { for (const [key, text] of Object.entries(zh)) assert.doesNotMatch(text, /[\p{Script=Han}）”」}][,;:!?]\s?[\p{Script=Han}（“「{]|\p{Script=Han}[,;:!?](\s|$)|[,;!?]\p{Script=Han}/u, `${name} ${key}`) })
})

test('no English sentence holds Chinese, but the name of the other language', () => {
  each(({ en }, name) => { for (const [key, text] of Object.entries(en)) if (key !== 'nav.language') assert.doesNotMatch(text, /\p{Script=Han}/u, `${name} ${key}`) })
})

test('English sentences have straight marks: the fonts of Chinese draw the curved ones as wide as a character', () => {
  each(({ en }, name) => { for (const [key, text] of Object.entries(en)) assert.doesNotMatch(text, /[‘’“”]/, `${name} ${key}`) })
})

test('every page of the table has a name of its own, an address of its own, and a word in both languages', () => {
  assert.ok(pages.length > 5)
  for (const key of ['name', 'path']) assert.equal(new Set(pages.map((p) => p[key])).size, pages.length, key)
  for (const page of pages) {
    assert.match(page.zh ?? '', /\p{Script=Han}/u, page.name)
    assert.match(page.en ?? '', /^[^\p{Script=Han}]+$/u, page.name)
  }
})

test('every reason that a driver can give has a word', { skip: !existsSync('../../../../drivers/device/reading.go') }, () => {
  const source = readFileSync('../../../../drivers/device/reading.go', 'utf8')
  const list = /reasonNames = \[\.\.\.\]string\{([^}]*)\}/.exec(source)?.[1] ?? ''
  const reasons = [...list.matchAll(/"(\w+)"/g)].map((m) => m[1])
  assert.ok(reasons.length > 10)
  for (const reason of reasons) assert.ok(`reason.${reason}` in sharedZh.names, reason)
})

test('every line of a timeline that the cloud can write has a word, and others have one for all', { skip: !existsSync('../../incident/incident.go') }, () => {
  const source = readFileSync('../../incident/incident.go', 'utf8')
  const kinds = /type Entry struct \{[^}]*json:"kind" enum:"([^"]+)"/.exec(source)?.[1]?.split(',') ?? []
  assert.ok(kinds.length > 5)
  for (const kind of [...kinds, 'other']) assert.ok(`step.${kind}` in sharedZh.common, kind)
})

test('every kind of journal entry that the cloud makes has a word, and others have one for all', { skip: !existsSync('../../org/journal.go') }, () => {
  const source = /Kinds of journal entries\.\nconst \(([^]*?)\n\)/.exec(readFileSync('../../org/journal.go', 'utf8'))?.[1] ?? ''
  const kinds = [...source.matchAll(/= "(\w+)"/g)].map((m) => m[1])
  assert.ok(kinds.length > 10)
  for (const kind of [...kinds, 'other']) assert.ok(`journal.${kind}` in saySystem.both.zh, kind)
})

test('filling keeps what has no value visible', () => {
  assert.equal(fill('{a} 和 {b}', { a: 1 }), '1 和 {b}')
  assert.equal(fill('{a}{a}', { a: 'x' }), 'xx')
})
