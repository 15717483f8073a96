import assert from 'node:assert/strict'
import { test } from 'node:test'
import { found, tally, worstFirst } from '../src/lib/sites.ts'
import { healthOf } from '../src/lib/sitehealth.ts'

const site = (id, o = {}) => ({ id, name: o.name ?? id, gateway: `gw-${id}`, online: o.online ?? true, lastSeen: 1, open: { A: 0, B: 0, C: 0, ...o.open }, devices: { total: 4, good: 4 - (o.bad ?? 0), bad: o.bad ?? 0 } })
const all = [site('calm'), site('faulty', { bad: 2 }), site('dark', { online: false, open: { C: 1 } }), site('gas', { open: { A: 1 }, name: '锦绣花园' })]

test('a search looks into name, id and gateway; a filter leaves those that fit', () => {
  const ids = (search, show) => found(all, search, show).map((s) => s.id)
  assert.deepEqual(ids(' 锦绣 ', 'all'), ['gas'])
  assert.deepEqual(ids('GW-DARK', 'all'), ['dark'])
  assert.deepEqual(ids('', 'alerts'), ['dark', 'gas'])
  assert.deepEqual(ids('', 'offline'), ['dark'])
  assert.deepEqual(ids('gas', 'faults'), [])
  assert.deepEqual(tally(all, ''), { all: 4, alerts: 2, offline: 1, faults: 1 })
})

test('the worst site stands first, and the list that was given stays as it is', () => {
  assert.deepEqual(worstFirst(all).map((s) => s.id), ['gas', 'dark', 'faulty', 'calm'])
  assert.equal(all[0].id, 'calm')
})

test('the health of a site is the mean of what is known, and says what takes points', () => {
  const d = (device, score) => ({ gateway: 'g', device, score })
  const h = healthOf([d('a', 100), d('b', 40), d('c', 90), d('d', null)])
  assert.deepEqual([h.score, h.known, h.unknown], [77, 3, 1])
  assert.deepEqual(h.parts.map((p) => [p.device.device, Math.round(p.loss * 10) / 10]), [['b', 20], ['c', 3.3]])
  assert.equal(healthOf([d('a', null)]).score, undefined)
})
