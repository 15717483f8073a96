import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answered, came, framesText, gravest, keep, msText, typed, unpacked } from '../src/lib/asked.ts'

const frame = (more) => ({ at: Date.UTC(2026, 10, 22, 8, 0, 1), out: '01 03', in: '01 83 02', tookMs: 31.25, ...more })

test('what came of a frame', () => {
  assert.deepEqual([{}, { refusal: 2 }, { reason: 'timeout' }, { reason: 'corrupt', refusal: 2 }, { reason: 'auth_failed' }].map((more) => came(frame(more))), ['ok', 'refused', 'timeout', 'corrupt', 'other'])
})

test('frames as a text: a line each, and silence is not an empty field', () => {
  assert.equal(framesText('gw / m 表', [frame({}), frame({ in: '', reason: 'timeout' }), frame({ cut: true })], came),
    '# gw / m 表\n2026-11-22T08:00:01.000Z\t31.3 ms\t> 01 03\t< 01 83 02\tok\n2026-11-22T08:00:01.000Z\t31.3 ms\t> 01 03\t< -\ttimeout\n2026-11-22T08:00:01.000Z\t31.3 ms\t> 01 03\t< 01 83 02 …\tok\n')
})

test('numbers as people type them; an empty box is none, and what is no number is not sent as 0', () => {
  assert.deepEqual(typed({ voltage: ' 231,4 ', current: '', power: '-5', energy: '12 kWh', frequency: '1e3', level: '.5' }),
    { shown: { voltage: 231.4, power: -5, level: 0.5 }, wrong: ['energy', 'frequency'] })
})

test('one answer does not push out the other', () => {
  keep('gw/m', { frames: { at: 1, frames: [] } })
  keep('gw/m', { trial: { at: 2, model: '', channel: '', address: '', points: [], hints: [] } })
  assert.deepEqual([answered.get('gw/m').frames.at, answered.get('gw/m').trial.at], [1, 2])
})

test('the gravest findings first, in the doctor\'s order', () => {
  const f = (subject, level) => ({ subject, level })
  const { list, problems, warnings } = gravest([f('a', 'ok'), f('b', 'warning'), f('c', 'problem'), f('d', 'ok'), f('e', 'problem')])
  assert.deepEqual([list.map((x) => x.subject).join(''), problems, warnings], ['cebad', 2, 1])
})

test('a quick answer did not take 0 ms', () => {
  assert.deepEqual([0.04, 0.26, 9.96, 31.4].map(msText), ['< 0.1', '0.3', '10.0', '31'])
})

test('a bundle is the bytes that were sent', () => {
  assert.deepEqual([...unpacked('UEsD/w==')], [80, 75, 3, 255])
})
