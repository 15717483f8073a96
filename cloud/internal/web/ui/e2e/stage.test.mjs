// What the pages promise, before a server that plays it at a fixed time: BASE_URL=… npm run e2e
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { launch, missing, open } from './browser.mjs'
import { differs } from './picture.mjs'
import { incident, stage, T0, wallOf } from './stage.mjs'

const skip = missing ?? (process.env.BASE_URL ? false : 'needs BASE_URL of a running demo')

describe('what the pages promise', { skip, timeout: 180_000 }, () => {
  let browser
  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })

  /** A page of the stage, whose clock stands until it is set. */
  async function seen(play, path, how) {
    const page = await open(browser, { ...how, path: '/lost-on-purpose' })
    await page.clock.setFixedTime(T0)
    page.at = (ms) => { play.now = T0 + ms; return page.clock.setFixedTime(T0 + ms) }
    await page.goto(play.base + path)
    return page
  }

  test('the time to take an alert runs down, and past its end says by how much', async () => {
    const play = await stage({ incidents: [incident('GJ-1')] })
    const page = await seen(play, '/todo')
    const due = page.locator('.incident[data-id="GJ-1"] .due')
    await due.getByText('接警还剩 2:18').waitFor({ timeout: 8000 })
    await page.at(60_000)
    await due.getByText('接警还剩 1:18').waitFor({ timeout: 4000 })
    await page.at(140_000)
    await due.getByText('接警超时 0:02').waitFor({ timeout: 4000 })
    assert.ok(await due.evaluate((e) => e.classList.contains('late')))
    assert.deepEqual(page.errors, [])
    await page.context().close()
    play.close()
  })

  test('by keyboard alone an alert is taken, once', async () => {
    const play = await stage({ incidents: [incident('GJ-1'), incident('GJ-2', { severity: 'B', deadline: T0 + 1_000_000 })] })
    const page = await seen(play, '/todo', { width: 1280 })
    await page.locator('.incident').first().waitFor({ timeout: 8000 })
    for (let n = 0; n < 60 && await page.evaluate(() => document.activeElement?.dataset?.act) !== 'take'; n++) await page.keyboard.press('Tab')
    const id = await page.evaluate(() => document.activeElement.closest('.incident')?.dataset.id)
    await page.keyboard.press('Enter')
    await page.locator(`.incident[data-id="${id}"]`).waitFor({ state: 'detached', timeout: 8000 })
    assert.deepEqual(play.said.map((s) => [s.id, s.name, s.key?.length]), [[id, 'take', 32]])
    await page.context().close()
    play.close()
  })

  test('what happened within 24 hours before is linked, and only then', async () => {
    const play = await stage({ incidents: [incident('GJ-2', { detail: { previous: { id: 'GJ-1', closedAt: T0 - 3_600_000, outcome: 'real' } } }), incident('GJ-1')] })
    const page = await seen(play, '/a/GJ-2')
    const link = page.getByRole('link', { name: /24 小时内发生过：GJ-1，21:41 办结为真实/ })
    await link.waitFor({ timeout: 8000 })
    await link.click()
    await page.waitForURL('**/a/GJ-1')
    await page.getByRole('heading', { name: '为什么报警' }).waitFor()
    assert.equal(await page.getByText('24 小时内发生过').count(), 0)
    await page.context().close()
    play.close()
  })

  test('a bus that is down is one item with what it takes along', async () => {
    const alerts = Array.from({ length: 7 }, (_, n) => ({ id: `a${n}`, gateway: 'gw-1', device: `m${n}`, deviceName: `${n + 1} 号表`, place: '配电房', rule: 'R21', severity: 'C', severityNow: 'C', title: { zh: '设备离线', en: 'Device offline' }, condition: 'active', since: T0 - 9000, firstOut: n === 0, joined: n ? 'bus' : undefined }))
    const play = await stage({ incidents: [incident('GJ-7', { severity: 'C', title: { zh: '总线 2 断开', en: 'Bus 2 is down' }, deadline: undefined, value: undefined, alertCount: 7, detail: { alerts, cause: { kind: 'bus', text: { zh: '同一条总线', en: 'the same bus' } } } })] })
    const page = await seen(play, '/todo')
    await page.locator('.incident').first().waitFor({ timeout: 8000 })
    assert.equal(await page.locator('.incident').count(), 1)
    await page.goto(`${play.base}/a/GJ-7`)
    await page.locator('[data-part=alerts] li').first().waitFor({ timeout: 8000 })
    assert.equal(await page.locator('[data-part=alerts] li').count(), 7)
    await page.context().close()
    play.close()
  })

  test('a wall that hears nothing says so after 10 s, counts as nothing after 30 s, and heals; one that hears stays fresh', async () => {
    const play = await stage({ wall: wallOf([incident('GJ-1')]) })
    const page = await seen(play, '/wall', { width: 1920 })
    const wall = page.locator('[data-part=wall]')
    const is = (state) => page.locator(`[data-part=wall][data-fresh=${state}]`).waitFor({ timeout: 8000 })
    await page.locator('[data-part=grid] [data-site]').first().waitFor({ timeout: 8000 })
    await is('fresh')
    await page.at(100_000)
    await page.waitForTimeout(1500)
    assert.equal(await wall.getAttribute('data-fresh'), 'fresh', 'time alone makes nothing stale')
    play.die()
    await page.at(112_000)
    await is('slow')
    await page.at(135_000)
    await is('expired')
    assert.match(await page.locator('[data-part=stale]').innerText(), /数据已过期 00:3\d/)
    assert.match(await page.locator('.body').evaluate((e) => getComputedStyle(e).filter), /grayscale/)
    play.live()
    await is('fresh').catch(async () => { await page.at(150_000); await is('fresh') })
    await page.context().close()
    play.close()
  })

  test('many are closed at once with one outcome, never a danger or what still goes on; each has its result, and leaving sends', async () => {
    const over = { severity: 'B', handling: 'handling', condition: 'recovered', takenBy: '李敏', step: 'in_progress' }
    const play = await stage({ incidents: [incident('GJ-1', over), incident('GJ-2', over), incident('GJ-3', { ...over, severity: 'A' }), incident('GJ-4', { ...over, condition: 'active' })] })
    play.refused['GJ-2'] = '已由另一人办结'
    const page = await open(browser, { width: 1280, path: '/lost-on-purpose' })
    await page.clock.install({ time: T0 })
    const begin = async () => {
      await page.goto(`${play.base}/alerts`)
      await page.locator('.tick input').nth(3).waitFor({ timeout: 8000 })
      for (const box of await page.locator('.tick input').all()) await box.check()
      await page.locator('[data-act=bulk-close]').getByText('办结 2 条').click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText(/跳过 1 条紧急告警/).waitFor()
      await dialog.getByText(/跳过 1 条还在告警的/).waitFor()
      await dialog.locator('[type=submit]').click()
      await dialog.getByText('请选择一个结果').waitFor()
      await dialog.getByRole('radio', { name: /演练/ }).check()
      await dialog.locator('[type=submit]').click()
      await page.locator('[data-act=undo]:focus').waitFor({ timeout: 4000 })
    }
    await begin()
    await page.clock.runFor(5000)
    await page.locator('[data-act=undo]').click()
    await page.clock.runFor(10_000)
    assert.deepEqual(play.said, [], 'what was undone is not sent')
    await begin()
    await page.clock.runFor(10_500)
    await page.locator('[data-part=bulk] b').getByText('已处理 1 条 · 1 条没有成功').waitFor({ timeout: 8000 })
    assert.match(await page.locator('[data-part=bulk] li', { hasText: '已由另一人办结' }).locator('a').getAttribute('href'), /GJ-2$/)
    assert.deepEqual(play.said.map((s) => [s.id, s.name]), [['GJ-1', 'close'], ['GJ-2', 'close']])
    play.refused = {}
    await begin()
    await page.locator('[data-nav=todo]:visible').first().click()
    for (const end = Date.now() + 8000; play.said.length < 4;) { assert.ok(Date.now() < end, 'who leaves has not undone it'); await page.waitForTimeout(50) }
    await page.context().close()
    play.close()
  })

  test('a list that is pulled down is read again, and says when; a short pull and one that begins further down do nothing', async () => {
    const play = await stage({ incidents: Array.from({ length: 8 }, (_, n) => incident(`GJ-${n}`)) })
    const page = await seen(play, '/todo')
    await page.locator('.incident').first().waitFor({ timeout: 8000 })
    await page.locator('[data-live=live]').first().waitFor({ timeout: 8000 })
    let reads = 0
    page.on('request', (request) => { if (/\/incidents\?/.test(request.url())) reads++ })
    const cdp = await page.context().newCDPSession(page)
    const touch = (type, y) => cdp.send('Input.dispatchTouchEvent', { type, touchPoints: y === undefined ? [] : [{ x: 200, y }] })
    const pull = async (to) => {
      await touch('touchStart', 200)
      await page.locator('[data-part=pull]').waitFor({ state: 'attached', timeout: 4000 })
      for (let y = 220; y <= to; y += 20) await touch('touchMove', y)
      await touch('touchEnd')
    }
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).overscrollBehaviorY), 'contain', "the browser's own pull would load the page anew")
    await pull(260)
    await page.evaluate(() => scrollTo(0, 300))
    await pull(460)
    await page.evaluate(() => scrollTo(0, 0))
    assert.equal(reads, 0)
    await pull(460)
    await page.locator('[data-part=pull]').getByText('22:41:06 已刷新').waitFor({ timeout: 8000 })
    assert.ok(reads > 0)
    play.die()
    await pull(460)
    await page.locator('[data-part=pull]').getByText(/没有读到新数据/).waitFor({ timeout: 12_000 })
    assert.deepEqual(page.errors, [])
    await page.context().close()
    play.close()
  })

  test('待办 and the wall look as they were looked at', async () => {
    const list = [incident('GJ-1'), incident('GJ-2', { severity: 'B', title: { zh: '过度充电', en: 'Overcharging' }, place: '地下车棚', value: { point: 'power', unit: 'W', value: 512, limit: 400, above: true }, since: T0 - 400_000, deadline: T0 + 1_400_000 }), incident('GJ-3', { severity: 'C', title: { zh: '门长时间未关', en: 'Door held open' }, place: '3栋2单元', value: undefined, deadline: undefined, since: T0 - 7_200_000 })]
    const play = await stage({ incidents: list, wall: wallOf(list) })
    for (const [name, path, ready, how] of [['todo', '/todo', '.incident', { width: 390 }], ['wall', '/wall', '[data-part=queue] li', { width: 1920, scheme: 'dark' }]]) {
      const page = await seen(play, path, how)
      await page.locator(ready).first().waitFor({ timeout: 8000 })
      await page.locator(name === 'todo' ? '[data-live=live]' : '[data-fresh=fresh]').first().waitFor({ timeout: 8000 })
      await page.mouse.move(0, 0)
      await page.waitForTimeout(700) // an alert that is new flashes once
      assert.ok(await differs(browser, name, await page.screenshot({ animations: 'disabled', scale: 'css' })) < 0.03, `${name} looks otherwise`)
      await page.evaluate((what) => { document.querySelector(what).style.visibility = 'hidden' }, ready)
      assert.ok(await differs(browser, name, await page.screenshot({ animations: 'disabled', scale: 'css' })) > 0.03, `${name}: a row less is not seen`)
      await page.context().close()
    }
    play.close()
  })
})
