import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turns } from '../src/lib/turns.ts'

test('an answer that a newer one has overtaken does not count', () => {
  const next = turns()
  const first = next(), second = next(), third = next()
  assert.equal(second(), true, 'answers in order count, so that a stream of questions shows something')
  assert.equal(first(), false)
  assert.equal(third(), true)
})

test('an answer about what the page no longer asks for does not count', () => {
  let node = 'A'
  const next = turns(() => node)
  const ofA = next()
  node = 'B'
  assert.equal(ofA(), false, 'the people of A must not stand under B, also while B has not answered')
  const ofB = next()
  assert.equal(ofB(), true)
})
