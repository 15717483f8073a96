import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { reader } from '../src/lib/reading.ts'

const turn = () => new Promise((done) => setImmediate(done))
/** A list over a slow line: the readings that began, each with how to end it, and the answers that were wanted. */
function slow() {
  const w = { begun: [], kept: [] }
  w.lines = reader(async (wanted) => {
    const n = w.begun.length
    await new Promise((done) => w.begun.push(done))
    if (wanted()) w.kept.push(n)
  }, 500)
  return w
}

test('a storm on a slow line: each answer is shown, the next reading begins after the last has ended, one waits', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const w = slow()
  void w.lines.now()
  for (let i = 0; i < 20; i++) { w.lines.soon(); w.lines.again(); mock.timers.tick(500); await turn() }
  assert.equal(w.begun.length, 1, 'the first has not ended')
  w.begun[0](); await turn()
  assert.deepEqual(w.kept, [0])
  mock.timers.tick(499)
  assert.equal(w.begun.length, 1)
  mock.timers.tick(1)
  assert.equal(w.begun.length, 2, 'all that was asked meanwhile is one reading')
  w.begun[1](); await turn()
  mock.timers.tick(5000)
  assert.deepEqual([w.begun.length, w.kept.length], [2, 2], 'nothing polls')
  w.lines.soon(); w.lines.soon()
  mock.timers.tick(500)
  assert.equal(w.begun.length, 3)
  mock.timers.reset()
})

test('another question does not wait for the answer of the last one, which is not shown', async () => {
  const w = slow()
  void w.lines.now()
  void w.lines.now()
  assert.equal(w.begun.length, 2)
  w.begun[1](); await turn()
  w.begun[0](); await turn()
  assert.deepEqual(w.kept, [1])
  w.lines.again()
  assert.equal(w.begun.length, 3)
  w.lines.stop()
  w.begun[2](); await turn()
  assert.deepEqual(w.kept, [1], 'a page that is gone shows nothing')
})
