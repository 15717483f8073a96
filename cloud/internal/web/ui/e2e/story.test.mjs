// What a person does, in a real browser against a running cloud with its demo: BASE_URL=http://127.0.0.1:7080 npm run e2e
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { base, launch, missing, open } from './browser.mjs'
import { line } from './line.mjs'

const patience = { timeout: Number(process.env.PATIENCE_MS ?? 90_000) } // the demo's first alert takes a while
const skip = missing ?? (process.env.BASE_URL ? false : 'needs BASE_URL of a running demo')

async function api(path) {
  const answer = await fetch(base + '/api/v1' + path)
  assert.equal(answer.status, 200, path)
  return answer.json()
}

describe('the pages', { skip, timeout: 300_000 }, () => {
  let browser
  let id // of the incident that the story is about
  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })

  test('待办 shows an alert with level, place and 接警; one tap takes it, it is under 处理中 with its taker', async (t) => {
    // On a demo that somebody has worked with already the story goes on with what is there.
    const known = async (handling) => (await api(`/incidents?handling=${handling}&limit=50`)).incidents[0]?.id
    if (!(await known('open')) && (await known('closed') || await known('handling'))) {
      id = await known('handling') ?? await known('closed')
      t.skip('no open alert on this demo')
      return
    }
    const page = await open(browser)
    const card = page.locator('.incident:has([data-act=take])').first()
    await card.waitFor(patience)
    id = await card.getAttribute('data-id')
    const mine = page.locator(`.incident[data-id="${id}"]`) // the first card may be another one by now
    assert.match(await mine.innerText(), /紧急|重要|一般/)
    await mine.locator('[data-act=take]').click()
    await mine.waitFor({ state: 'detached', timeout: 10_000 })
    await page.getByRole('tab', { name: /处理中/ }).click()
    await mine.waitFor({ timeout: 10_000 })
    assert.match(await mine.innerText(), /接警/)
    assert.deepEqual(page.errors, [])
    await page.context().close()
  })

  test('the detail says why and what to do, draws the chart with its threshold, and tells who took it', async () => {
    const page = await open(browser, { path: '/lost-on-purpose' })
    const asked = []
    page.on('request', (r) => asked.push(new URL(r.url()).pathname))
    await page.goto(`${base}/a/${encodeURIComponent(id)}`)
    await page.getByRole('heading', { name: '为什么报警' }).waitFor()
    for (const path of ['/session', `/incidents/${encodeURIComponent(id)}`]) { // the server tells the browser to ask before any script runs
      const entry = await page.evaluate((end) => performance.getEntriesByType('resource').find((e) => e.name.endsWith(end))?.initiatorType, path)
      assert.equal(entry, 'link', `${path} is asked early`)
      assert.equal(asked.filter((p) => p === '/api/v1' + path).length, 1, `${path} is asked once`)
    }
    await page.getByRole('heading', { name: '现在做什么' }).waitFor()
    await page.locator('.plot svg path.line').first().waitFor({ timeout: 15_000 })
    const detail = await api(`/incidents/${encodeURIComponent(id)}`)
    if (detail.limit && detail.limit.point === detail.chart?.point) {
      assert.equal(Number(await page.locator('.plot').getAttribute('data-limit')), detail.limit.value)
      assert.match(await page.locator('.plot').getAttribute('aria-label'), /阈值/)
    }
    assert.match(await page.locator('.plot path.line').first().getAttribute('d'), /^M-?[\d.]+ [\d.]+[LH]/, 'the picture has its line')
    // Whoever points at it gets a cursor; the canvas is there a frame before it is drawn.
    await page.locator('.plot').hover()
    await page.locator('.plot canvas').waitFor({ timeout: 15_000 })
    await page.waitForFunction(() => {
      const canvas = document.querySelector('.plot canvas')
      return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte, n) => n % 4 === 3 && byte > 0)
    }, undefined, { timeout: 10_000 })
    assert.match(await page.getByRole('region', { name: '过程' }).innerText(), /触发[\s\S]*接警/)
    const known = ((await api(`/incidents/${encodeURIComponent(id)}`)).evidence ?? []).some((e) => ['level', 'power', 'current'].includes(e.name) && e.value)
    if (known) assert.ok(await page.getByLabel('规则看到的值').locator('dt').count() > 0, 'the values that the rule saw')
    assert.deepEqual(page.errors, [])
    await page.context().close()
  })

  test('办结 asks for an outcome, and for a note while the alert is active; then it is under 已办结', async (t) => {
    if ((await api(`/incidents/${encodeURIComponent(id)}`)).handling !== 'handling') { t.skip('closed already on this demo'); return }
    const page = await open(browser, { path: `/a/${encodeURIComponent(id)}` })
    await page.locator('button[data-act=close]').click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('[type=submit]').click()
    await dialog.getByText('请选择一个结果').waitFor()
    await dialog.getByRole('radio', { name: /演练/ }).check()
    if ((await api(`/incidents/${encodeURIComponent(id)}`)).condition === 'active') {
      await dialog.locator('[type=submit]').click()
      await dialog.getByText('请写明原因或情况').waitFor()
    }
    await dialog.locator('textarea').fill('端到端测试')
    await dialog.locator('[type=submit]').click()
    await page.locator('.bar').getByText('结果：演练').waitFor()
    await page.goto(base + '/todo?tab=closed')
    await page.locator(`.incident[data-id="${id}"]`).waitFor({ timeout: 10_000 })
    const closed = await api(`/incidents/${encodeURIComponent(id)}`)
    assert.deepEqual([closed.handling, closed.outcome], ['closed', 'drill'])
    assert.deepEqual(page.errors, [])
    await page.context().close()
  })

  test('a site shows its devices by kind, each value with quality and age; no value is —, never 0', async () => {
    const page = await open(browser, { path: '/sites' })
    await page.locator('.site[data-online=true]').first().click()
    await page.locator('.device .tile').first().waitFor({ timeout: 15_000 })
    await page.locator('.tile[data-quality=good]').first().waitFor(patience)
    const tiles = await page.locator('.tile').evaluateAll((all) => all.map((e) => ({ quality: e.dataset.quality, text: e.innerText })))
    for (const tile of tiles) assert.match(tile.text, /前|刚刚|还没有读到/, `no age: ${tile.text}`)
    for (const tile of tiles.filter((x) => x.quality === 'bad')) assert.match(tile.text, /—/, `a bad value is shown as one: ${tile.text}`)
    await page.locator('.device a').first().click()
    await page.locator('.plot :is(svg, canvas), .none').first().waitFor({ timeout: 15_000 })
    assert.ok(await page.locator('select[name=point] option').count() > 0)
    assert.deepEqual(page.errors, [])
    await page.context().close()
  })

  test('数据完整性 accounts for every moment of a day, in a sentence for each span; the site says how much there is today', async () => {
    const { sites } = await api('/sites')
    const site = sites.find((s) => s.online)
    const { devices } = await api(`/sites/${encodeURIComponent(site.id)}`)
    const device = devices.find((d) => d.kind === 'socket') ?? devices[0]
    const where = `${encodeURIComponent(device.gateway)}/${encodeURIComponent(device.id)}`
    const { spans, summary } = await api(`/ledger/${where}`)
    spans.forEach((s, n) => { assert.ok(s.to > s.from && (n === 0 || s.from === spans[n - 1].to), `span ${n}`); assert.equal(Boolean(s.reason), s.state === 'none') })
    assert.ok(summary.share >= 0 && summary.share <= 100 && summary.dataMs > 0)
    const page = await open(browser, { path: `/devices/${where}` })
    const strip = page.locator('.integrity .strip')
    await strip.waitFor({ timeout: 15_000 })
    await page.locator('[data-share]').getByText(/有数据 [\d.]+ %/).waitFor()
    await strip.focus()
    await page.keyboard.press('Home')
    const first = await strip.getAttribute('aria-valuetext')
    assert.match(first, /到.*（.*）(有|无)数据/)
    await page.keyboard.press('ArrowRight')
    if (spans.length > 1) assert.notEqual(await strip.getAttribute('aria-valuetext'), first)
    const box = await strip.boundingBox()
    assert.ok(box.height >= 44, 'a finger hits it')
    await strip.click({ position: { x: 1, y: 20 } })
    assert.match(await page.locator('.integrity .sentence').innerText(), /(有|无)数据/)
    await page.goto(`${base}/sites/${encodeURIComponent(site.id)}`)
    await page.locator('[data-section=kept]').getByText(/今日数据/).waitFor({ timeout: 15_000 })
    assert.deepEqual(page.errors, [])
    await page.context().close()
  })

  test('系统 lists what may be lost and what is kept aside, or says that there is nothing', async () => {
    const page = await open(browser, { path: '/system' })
    for (const section of ['parked', 'journal']) await page.locator(`[data-section=${section}] .card`).first().waitFor({ timeout: 10_000 })
    assert.deepEqual(page.errors, [])
    await page.context().close()
  })

  test('a gateway that is offline is dashed and said, in the list of sites and in 待办', async (t) => {
    const { sites } = await api('/sites')
    const silent = sites.find((s) => !s.online)
    if (!silent) {
      if (process.env.E2E_OFFLINE === '1') assert.fail('no gateway is offline')
      t.skip('no gateway is offline now; E2E_OFFLINE=1 demands one')
      return
    }
    const page = await open(browser, { path: '/sites' })
    const card = page.locator(`.site[data-site="${silent.id}"]`)
    await card.waitFor()
    assert.match(await card.innerText(), /离线/)
    assert.equal(await card.evaluate((e) => getComputedStyle(e).borderTopStyle), 'dashed')
    await page.goto(base + '/todo')
    await page.locator(`[data-kind=offline][data-site="${silent.id}"], .incident.unheard`).first().waitFor({ timeout: 10_000 })
    await page.context().close()
  })

  for (const [how, act] of [['cut', (l) => l.cut()], ['dead without a word', (l) => l.die()]]) {
    test(`a line that is ${how} is said within 10 s and heals by itself`, async () => {
      const wire = await line(base)
      const page = await open(browser, {})
      try {
        await page.goto(wire.base + '/todo')
        await page.locator('[data-live=live]').first().waitFor({ timeout: 15_000 })
        const from = Date.now()
        act(wire)
        const banner = page.locator('.banner')
        await banner.waitFor({ timeout: 11_000 })
        assert.ok(Date.now() - from < 11_000)
        assert.match(await banner.innerText(), /连接中断 \d+:\d\d，显示 (\d\d-\d\d )?\d\d:\d\d 的数据/)
        wire.mend()
        await banner.waitFor({ state: 'detached', timeout: 15_000 })
        await page.locator('[data-live=live]').first().waitFor()
        assert.deepEqual(page.errors, [])
      } finally {
        await page.context().close()
        wire.close()
      }
    })
  }

  test('接警 on a cut line is kept as unsent and goes out when the line is back', async () => {
    const wire = await line(base)
    const page = await open(browser, {})
    try {
      await page.goto(wire.base + '/todo')
      await page.locator('[data-live=live]').first().waitFor({ timeout: 15_000 })
      if (!(await api('/incidents?handling=open&limit=50')).incidents.length) { // all were taken: somebody reports another one
        const { sites } = await api('/sites')
        const key = crypto.randomUUID()
        const told = await fetch(base + '/api/v1/reports', { method: 'POST', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key }, body: JSON.stringify({ site: sites[0].id, kind: 'gas', place: '3栋', text: '端到端测试' }) })
        assert.equal(told.status, 200, await told.text())
      }
      await page.locator('.incident').first().waitFor({ timeout: 10_000 })
      const card = page.locator('.incident:has([data-act=take])').first()
      const other = await card.getAttribute('data-id')
      wire.cut()
      await page.locator(`.incident[data-id="${other}"] [data-act=take]`).click()
      await page.locator(`.incident[data-id="${other}"]`).getByText('接警未发送').waitFor({ timeout: 12_000 })
      wire.mend()
      await page.locator(`.incident[data-id="${other}"]`).waitFor({ state: 'detached', timeout: 20_000 })
      // The card may go before the answer is here: what counts is that the server has it in the end.
      for (const end = Date.now() + 10_000; (await api(`/incidents/${encodeURIComponent(other)}`)).handling !== 'handling';) assert.ok(Date.now() < end, '接警 did not go out')
    } finally {
      await page.context().close()
      wire.close()
    }
  })

  test('the language can be switched and is kept; the demo says that it is one', async () => {
    const { demo } = await api('/session')
    const page = await open(browser)
    await page.getByRole('heading', { name: '待办', level: 1 }).waitFor()
    if (demo) await page.getByText('演示数据：').waitFor()
    if (demo) await page.waitForFunction(() => document.title.includes('演示数据')) // the session may come after the heading
    await page.locator('[data-act=language]:visible').click()
    await page.getByRole('heading', { name: 'To do', level: 1 }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'To do', level: 1 }).waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en')
    await page.context().close()
  })

  test('an alert or page that does not exist is said in a sentence', async () => {
    const page = await open(browser, { path: '/a/GJ-0' })
    await page.getByText('没有这条告警').waitFor({ timeout: 10_000 })
    await page.goto(base + '/nowhere/at/all')
    await page.getByText('没有这个页面').waitFor()
    await page.context().close()
  })

  test('the keyboard reaches and opens an alert, and every focus is visible', async () => {
    const page = await open(browser, { width: 1280, path: '/todo?tab=closed' })
    await page.locator('.incident').first().waitFor({ timeout: 10_000 })
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press('Tab')
      const at = await page.evaluate(() => ({ act: document.activeElement?.dataset?.act, style: getComputedStyle(document.activeElement).outlineStyle }))
      assert.notEqual(at.style, 'none', 'a focus cannot be seen')
      if (at.act === 'view') break
    }
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: '过程' }).waitFor()
    await page.context().close()
  })
})
