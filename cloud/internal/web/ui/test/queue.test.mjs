import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TakeQueue, freshMs } from '../src/lib/queue.ts'

/** A queue over a server that answers what the script says. */
function world(answers = [], kept = []) {
  const w = { sent: [], shown: [], saved: kept, refused: [], time: 1_000_000, answers }
  w.queue = new TakeQueue({
    send: async (id) => { w.sent.push(id); const a = w.answers.shift() ?? { kind: 'done' }; return a instanceof Promise ? a : a },
    now: () => w.time,
    load: () => w.saved,
    save: (list) => { w.saved = list.map((e) => ({ ...e })) },
    changed: (list) => { w.shown = list.map((e) => `${e.id} ${e.state}`) },
    refused: (id, why) => w.refused.push(`${id}: ${why}`),
  })
  return w
}
const offline = { kind: 'offline' }

test('a tap is shown as sending at once and is gone when the server has it', async () => {
  const w = world()
  const done = w.queue.take('a')
  assert.deepEqual(w.shown, ['a sending'])
  await done
  assert.deepEqual(w.shown, [])
  assert.deepEqual(w.saved, [])
})

test('without an answer it stays, said as unsent, and goes out once when the connection is back', async () => {
  const w = world([offline, offline])
  await w.queue.take('a')
  await w.queue.take('b')
  assert.deepEqual(w.shown, ['a unsent', 'b unsent'])
  await w.queue.flush()
  assert.deepEqual(w.sent, ['a', 'b', 'a', 'b'])
  assert.deepEqual(w.shown, [])
})

test('two flushes at a time send each entry once', async () => {
  const w = world([offline])
  await w.queue.take('a')
  await Promise.all([w.queue.flush(), w.queue.flush()])
  assert.deepEqual(w.sent, ['a', 'a'])
})

test('a second tap while sending does nothing; on an unsent one it sends at once', async () => {
  let answer
  const w = world([new Promise((done) => { answer = done })])
  const first = w.queue.take('a')
  await w.queue.take('a')
  assert.deepEqual(w.sent, ['a'])
  answer(offline)
  await first
  await w.queue.take('a')
  assert.deepEqual(w.sent, ['a', 'a'])
  assert.deepEqual(w.shown, [])
})

test('a refusal is told and not tried again', async () => {
  const w = world([{ kind: 'refused', why: '张伟 已经接警' }])
  await w.queue.take('a')
  assert.deepEqual(w.refused, ['a: 张伟 已经接警'])
  await w.queue.flush()
  assert.deepEqual(w.sent, ['a'])
})

test('what was kept over a reload is sent, but not when it is old', async () => {
  const w = world([], [{ id: 'old', at: 1_000_000 - freshMs - 1, state: 'sending' }, { id: 'new', at: 999_000, state: 'sending' }])
  assert.deepEqual(w.shown, ['old unsent', 'new unsent'])
  await w.queue.flush()
  assert.deepEqual(w.sent, ['new'])
  assert.deepEqual(w.shown, ['old unsent'], 'the old one waits for a tap')
  await w.queue.take('old')
  assert.deepEqual(w.shown, [])
})
