import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, ofQuery, toQuery } from '../src/lib/alertlist.ts'
import { after, around, skew, views } from '../src/lib/clips.ts'
import { formOf, isDirect, missing, primary } from '../src/lib/forms.ts'
import { nextOf, stepDue, stops } from '../src/lib/steps.ts'
import { dayStart } from '../src/lib/zone.ts'

const next = (deed, ...needs) => ({ deed, needs, text: { zh: deed, en: deed } })

test('a form asks for what the API needs, and for what helps besides', () => {
  assert.deepEqual(formOf(next('close', 'outcome'), false), { fields: ['outcome', 'note', 'photo', 'measured'], required: ['outcome'] })
  assert.deepEqual(formOf(next('whistle', 'whistle', 'note'), false), { fields: ['whistle', 'note'], required: ['whistle', 'note'] })
  assert.deepEqual(formOf(next('made_up_tomorrow', 'note'), false), { fields: ['note'], required: ['note'] })
  assert.deepEqual(formOf({ deed: 'begin', text: {} }, false), { fields: [], required: [] })
})

test('closing or rejecting what still goes on needs a reason', () => {
  for (const deed of ['close', 'reject']) assert.ok(formOf(next(deed), true).required.includes('note'), deed)
  assert.ok(!formOf(next('urge'), true).required.includes('note'))
})

test('evidence is a note, a photo or a measured value', () => {
  const finish = next('finish', 'evidence')
  const form = formOf(finish, false)
  assert.deepEqual(form, { fields: ['note', 'photo', 'measured'], required: [] })
  assert.equal(missing(finish, form, {}), 'evidence')
  for (const one of ['note', 'photo', 'measured']) assert.equal(missing(finish, form, { [one]: true }), undefined)
  assert.equal(missing(next('assign', 'to', 'note'), formOf(next('assign', 'to', 'note'), false), { note: true }), 'to')
})

test('the big button is the likeliest deed, and it is not said twice', () => {
  const list = [next('note'), next('verify'), next('take'), next('urge')]
  assert.equal(primary(list).first.deed, 'take')
  assert.deepEqual(primary(list).others.map((n) => n.deed), ['note', 'verify', 'urge'])
  assert.equal(primary([next('urge'), next('note')]).first, undefined)
  assert.ok(isDirect(next('begin')) && !isDirect(next('close')))
})

test('what must follow, and until when', () => {
  assert.equal(nextOf({ step: 'reported' }), 'verified')
  assert.equal(nextOf({ step: 'in_progress' }), 'finished')
  assert.equal(nextOf({ step: 'in_progress', finishedAt: 9 }), 'checked')
  assert.equal(nextOf({ step: 'closed' }), undefined)
  assert.deepEqual(stepDue({ step: 'verified', stepDue: 7 }), { next: 'accepted', at: 7 })
  assert.equal(stepDue({ step: 'verified', stepDue: 7, suspendedAt: 1 }), undefined)
  assert.equal(stepDue({ step: 'closed', stepDue: 7 }), undefined)
})

test('the rail: reached, jumped over, here, ahead; the last time counts', () => {
  const done = [
    { from: 'reported', to: 'verified', at: 10, by: '甲' }, { from: 'verified', to: 'in_progress', at: 20, by: '甲' },
    { from: 'in_progress', to: 'checked', at: 30 }, { from: 'checked', to: 'in_progress', at: 40, by: '乙', late: true }, { from: 'in_progress', to: 'in_progress', at: 50, by: '丙' },
  ]
  const rail = stops({ step: 'in_progress', since: 1 }, done)
  assert.deepEqual(rail.map((s) => s.state), ['done', 'done', 'skipped', 'skipped', 'now', 'ahead', 'ahead', 'ahead'])
  assert.deepEqual(rail[4], { name: 'in_progress', state: 'now', at: 40, by: '乙', late: true })
  assert.equal(rail[0].at, 1)
  assert.equal(rail[5].at, undefined, 'a check that was taken back is ahead again')
})

test('filters survive the address, and unknown ones do not come in', () => {
  const choice = { severity: 'A', q: '3 栋&x', quiet: 'true' }
  assert.deepEqual(ofQuery(new URLSearchParams(toQuery(choice))), choice)
  assert.deepEqual(ofQuery(new URLSearchParams('severity=&evil=1&view=flow')), {})
  assert.equal(toQuery({}), '')
})

test('days of a filter are days of the site, whatever zone the reader sits in', () => {
  const a = asked({ from: '2026-11-22', to: '2026-11-22', quiet: 'true' }, 'Asia/Shanghai')
  assert.equal(a.from, Date.parse('2026-11-22T00:00:00+08:00'))
  assert.equal(a.to, Date.parse('2026-11-23T00:00:00+08:00'))
  assert.equal(a.order, 'oldest')
  assert.equal(asked({ from: 'yesterday' }, 'Asia/Shanghai').from, undefined)
  assert.equal(dayStart('2026-02-31x', 'Asia/Shanghai'), undefined)
  // Berlin's clock changes at 3 o'clock of 29 March 2026: that day has 23 hours.
  assert.equal(dayStart('2026-03-29', 'Europe/Berlin', 1) - dayStart('2026-03-29', 'Europe/Berlin'), 23 * 3_600_000)
})

test('a camera is one view with its clip and its stills in their order', () => {
  const c = (id, kind, camera, bundle = 'b', from = 0) => ({ id, kind, camera, bundle, from })
  const list = views([c('1', 'clip', 'cam-1'), c('2', 'still', 'cam-1', 'b', 10), c('6', 'still', 'cam-1', 'b', 0), c('3', 'still', 'cam-2'), c('4', 'clip', 'cam-1', 'later'), c('5', 'clip', 'cam-1', 'later')])
  assert.deepEqual(list.map((v) => [v.clip?.id, ...v.stills.map((s) => s.id)]), [['1', '6', '2'], [undefined, '3'], ['4'], ['5']])
  assert.deepEqual([after({ at: 1000, from: 11_040 }), after({ at: 1000, from: 900 })], [10, 0])
  assert.deepEqual(around({ at: 10_000, from: 2000, to: 30_400 }), { before: 8, after: 20 })
  assert.deepEqual(around({ at: 1000, from: 2000, to: 3000 }), { before: 0, after: 2 })
  assert.deepEqual([skew({}), skew({ skew_ms: 300 }), skew({ skew_ms: -2340 })], [undefined, undefined, { ahead: false, s: '2.3' }])
})
