import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeedQueue, freshMs } from '../src/lib/queue.ts'

/** A queue over a server that answers what the script says. */
function world(answers = [], kept = []) {
  const w = { made: 0, who: '', sent: [], keys: [], shown: [], saved: kept, refused: [], time: 1_000_000, answers }
  w.queue = new DeedQueue({
    send: async (e) => { w.sent.push(e.deed === 'take' ? e.id : `${e.id}.${e.deed}`); w.keys.push(e.key); const a = w.answers.shift() ?? { kind: 'done' }; return a instanceof Promise ? a : a },
    now: () => w.time,
    who: () => w.who,
    key: () => `k${++w.made}`,
    load: () => w.saved,
    save: (list) => { w.saved = list.map((e) => ({ ...e })) },
    changed: (list) => { w.shown = list.map((e) => `${e.deed === 'take' ? '' : e.deed + ' '}${e.id} ${e.state}`) },
    refused: (e, why) => w.refused.push(`${e.id}: ${why}`),
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
  const w = world([], [{ id: 'old', deed: 'take', key: 'x', at: 1_000_000 - freshMs - 1, state: 'sending' }, { id: 'new', deed: 'take', key: 'y', at: 999_000, state: 'sending' }])
  assert.deepEqual(w.shown, ['old unsent', 'new unsent'])
  await w.queue.flush()
  assert.deepEqual(w.sent, ['new'])
  assert.deepEqual(w.shown, ['old unsent'], 'the old one waits for a tap')
  await w.queue.take('old')
  assert.deepEqual(w.shown, [])
})

test('what is sent again has the key of the first time, so that the server does it once', async () => {
  const w = world([offline])
  await w.queue.do('a', 'note', { note: '到了' })
  await w.queue.flush()
  assert.deepEqual(w.sent, ['a.note', 'a.note'])
  assert.deepEqual(w.keys, ['k1', 'k1'])
  await w.queue.do('a', 'note', { note: '到了' })
  assert.deepEqual(w.keys, ['k1', 'k1', 'k2'], 'the same words once more are another deed')
})

test('an unsent deed that is given anew goes with what is given now, as another deed', async () => {
  const w = world([offline])
  await w.queue.do('a', 'note', { note: '1' })
  await w.queue.do('a', 'note', { note: '2' })
  assert.deepEqual(w.keys, ['k1', 'k2'])
  assert.deepEqual(w.shown, [])
})

test('deeds of one incident go in their order, and one that is refused takes those behind it along', async () => {
  const w = world([offline, offline, { kind: 'done' }, { kind: 'refused', why: '已办结' }])
  await w.queue.take('a')
  await w.queue.do('a', 'finish', { note: 'x' })
  await w.queue.do('b', 'note')
  assert.deepEqual(w.shown, ['a unsent', 'finish a unsent'])
  await w.queue.flush()
  assert.deepEqual(w.sent, ['a', 'a', 'b.note', 'a'])
  assert.deepEqual(w.refused, ['a: 已办结'])
  assert.deepEqual(w.shown, [])
})

test('a deed that nobody sent can be thrown away', async () => {
  const w = world([offline])
  await w.queue.do('a', 'note', { note: 'x' })
  w.queue.drop('a', 'note')
  await w.queue.flush()
  assert.deepEqual([w.sent, w.saved], [['a.note'], []])
})

test('on a shared phone a tap goes out as the one who tapped, or not at all', async () => {
  const w = world([offline, offline])
  w.who = '张三'
  await w.queue.take('a')
  w.who = '李四'
  w.queue.another()
  assert.deepEqual(w.shown, [])
  await w.queue.flush()
  await w.queue.take('a')
  assert.deepEqual([w.sent, w.keys], [['a', 'a'], ['k1', 'k2']])
  w.queue.clear()
  w.who = '张三'
  w.queue.another()
  assert.deepEqual(w.shown, ['a unsent'])
  await w.queue.flush()
  assert.deepEqual(w.keys, ['k1', 'k2', 'k1'])
  assert.deepEqual(w.saved, [])
})
