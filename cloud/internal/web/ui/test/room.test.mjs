import assert from 'node:assert/strict'
import test from 'node:test'
import { roomLeft, roomState } from '../src/lib/room.ts'

const hour = 3600_000, now = 100 * hour
const cut = (hours, room) => ({ online: false, since: now - hours * hour, roomSeconds: room * 3600, roomAt: now - hours * hour - 60_000 })

test('the room of a gateway shrinks while it is cut off', () => {
  assert.equal(roomLeft({ online: true, since: 0 }, now), undefined, 'it never said')
  assert.equal(roomLeft({ online: true, since: 0, roomSeconds: 14 * 3600, roomAt: now }, now), 14 * hour)
  assert.equal(roomLeft(cut(2, 14), now), 12 * hour)
  assert.equal(roomLeft(cut(20, 14), now), 0)
  assert.equal(roomLeft({ online: false, since: now, roomAt: now }, now), 0, 'full is said without a number')
})

test('it warns when less is left than the outage lasts, and says that it is full', () => {
  assert.equal(roomState({ online: false, since: now }, now), 'plain')
  assert.equal(roomState(cut(2, 14), now), 'plain')
  assert.equal(roomState(cut(8, 14), now), 'warn')
  assert.equal(roomState(cut(15, 14), now), 'bad')
  assert.equal(roomState({ online: true, since: 0, roomSeconds: 60, roomAt: now }, now), 'plain')
})
