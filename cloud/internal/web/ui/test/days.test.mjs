import assert from 'node:assert/strict'
import { test } from 'node:test'
import { daysText, hoursText } from '../src/lib/days.ts'

test('days are said in the words of the reader, and what is unknown stays', () => {
  for (const [days, zh, en] of [['daily', '每天', 'daily'], ['', '每天', 'daily'], ['mon-fri', '周一至周五', 'Mon–Fri'], ['sat-sun', '周末', 'weekends'], ['周末', '周末', 'weekends'],
    ['wed sat', '周三、周六', 'Wed, Sat'], ['mon-fri !2026-10-01', '周一至周五、除 2026-10-01', 'Mon–Fri, not 2026-10-01'], ['2026-10-01..2026-10-07', '2026-10-01 至 2026-10-07', '2026-10-01 – 2026-10-07'], ['mon-', 'mon-', 'mon-'], ['someday', 'someday', 'someday']]) {
    assert.equal(daysText(days, 'zh'), zh)
    assert.equal(daysText(days, 'en'), en)
  }
  assert.equal(hoursText('08:00,14:00'), '08:00 · 14:00')
})
