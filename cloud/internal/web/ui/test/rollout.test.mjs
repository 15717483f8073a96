import assert from 'node:assert/strict'
import test from 'node:test'
import { rings, stand, waiting, worse } from '../src/lib/rollout.ts'

const gateway = (gateway, ring, state) => ({ gateway, ring, state, why: { zh: '', en: '' }, version: '1.0.0' })
const updates = (rollout, ...gateways) => ({ rollout: { id: 1, ring: 1, stopped: false, ...rollout }, gateways, versions: [], ready: true })

test('a rollout is none, under way, stopped or done', () => {
  assert.equal(stand(updates({ id: 0 })), 'none')
  assert.equal(stand(updates({ ring: 3 }, gateway('a', 1, 'applied'), gateway('b', 3, 'asked'))), 'running')
  assert.equal(stand(updates({ ring: 2 }, gateway('a', 1, 'applied'))), 'running', 'ring 3 is still to come')
  assert.equal(stand(updates({ ring: 3, stopped: true }, gateway('a', 1, 'applied'))), 'stopped')
  assert.equal(stand(updates({ ring: 3 }, gateway('a', 1, 'applied'))), 'done')
})

test('rings say how many have it, and who would follow', () => {
  const u = updates({ ring: 2 }, gateway('a', 1, 'applied'), gateway('b', 2, 'reverted'), gateway('c', 2, 'trial'), gateway('d', 3, 'later'), gateway('e', 3, 'later'), gateway('f', 3, 'refused'))
  assert.deepEqual(rings(u).map((r) => [r.of, r.has, r.state]), [[1, 1, 'done'], [2, 0, 'now'], [3, 0, 'later']])
  assert.deepEqual(waiting(u, 2).map((g) => g.gateway), ['c'])
  assert.deepEqual(waiting(u, 3).map((g) => g.gateway), ['c', 'd', 'e'])
  assert.deepEqual(worse(u).map((g) => g.gateway), ['b', 'f'])
})
