import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bar, byLine, falseRate, placeIn, signed, inWords } from '../src/lib/rules.ts'

test('a rate is of what people closed, and there is none of nothing', () => {
  assert.equal(falseRate({ real: 6, false: 17 }), 74)
  assert.equal(falseRate({ real: 3, false: 0 }), 0)
  assert.equal(falseRate({ real: 0, false: 0 }), undefined)
})

test('a place in a draft is where the editor marks it, also behind its end', () => {
  const text = '- id: R1\n  kind: gass\n'
  assert.deepEqual(placeIn(text, 2, 9), [17, 21])
  assert.equal(text.slice(...placeIn(text, 2, 9)), 'gass')
  assert.deepEqual(placeIn(text, 1, 1), [0, 8])
  assert.deepEqual(placeIn(text, 99, 99), [22, 22])
  assert.deepEqual(placeIn('', 0, 0), [0, 0])
})

test('problems stand at their lines', () => {
  const p = (line) => ({ line, col: 1, message: { zh: '', en: '' }, hint: { zh: '', en: '' } })
  assert.deepEqual([...byLine([p(3), p(0), p(3)])].map(([line, all]) => [line, all.length]), [[3, 2], [0, 1]])
})

test('a bar lies in its window and can be seen', () => {
  const window = { from: 1000, to: 2000 }
  assert.deepEqual(bar(1250, 1500, window), { left: 25, width: 25 })
  assert.deepEqual(bar(0, 1500, window), { left: 0, width: 50 })
  for (const b of [bar(1999.9, 2500, window), bar(1500, 1500, window), bar(5000, 9000, window), bar(0, 10, window)]) assert.ok(b.width >= 0.4 && b.left >= 0 && b.left + b.width <= 100.0001, JSON.stringify(b))
})

test('differences have a real minus', () => assert.deepEqual([3, -14, 0].map(signed), ['+3', '−14', '0']))

test('a plain condition is said in words; what says more is left to the text of the rule', () => {
  const w = { point: (p) => ({ level: '燃气浓度', status: '状态' })[p], state: (p, v) => ({ 'status.2': '高报' })[`${p}.${v}`], and: '且', or: '或' }
  const params = [{ name: 'limit', value: '25 %LEL' }]
  assert.equal(inWords('level >= limit or status == 2', params, w), '燃气浓度 ≥ 25 %LEL 或 状态 = 高报')
  assert.equal(inWords('level > 3 and status != 0', params, w), '燃气浓度 > 3 且 状态 ≠ 0')
  for (const expr of ['avg(level, some) >= limit', 'level >= unheard', 'fan == 1', 'level >= limit and (status == 2 or status == 1)']) assert.equal(inWords(expr, params, w), undefined)
})
