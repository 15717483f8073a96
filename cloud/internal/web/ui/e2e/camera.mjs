// What cameras show, in a real browser: the clip of the demo's overcharge plays in its alert, and the camera opened live plays too.
// BASE_URL=http://127.0.0.1:7080 npm run camera, some two minutes after the demo's start; OUT=folder for screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { base, launch, missing, open, sideways, smallTargets } from './browser.mjs'
import { toCameras } from './places.mjs'

const skip = missing ?? (process.env.BASE_URL ? false : 'needs BASE_URL of a running demo')

async function api(path) {
  const answer = await fetch(base + '/api/v1' + path)
  assert.equal(answer.status, 200, path)
  return answer.json()
}

/** Waits until a player shows pictures and goes on; answers how far it came and how large its picture is. */
async function moves(page, video, seconds) {
  await page.waitForFunction((v) => v.readyState >= 2 && v.videoWidth > 0, video, { timeout: 10_000 })
  const from = await video.evaluate((v) => v.currentTime)
  await page.waitForFunction(([v, at]) => v.currentTime >= at, [video, from + seconds], { timeout: 15_000 })
  return video.evaluate((v) => ({ at: v.currentTime, width: v.videoWidth, height: v.videoHeight, error: v.error?.message }))
}

const shot = (page, name) => process.env.OUT ? page.screenshot({ path: join(process.env.OUT, name + '.png'), fullPage: true }) : undefined

describe('cameras', { skip, timeout: 120_000 }, () => {
  let browser
  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })

  test('the clip of an overcharge plays in its alert, at 390 and 1280 px', async () => {
    let id, clip
    for (const handling of ['open', 'handling', 'closed']) {
      for (const i of (await api(`/incidents?handling=${handling}&limit=50`)).incidents.filter((x) => x.rule === 'R03')) {
        clip = (await api(`/incidents/${encodeURIComponent(i.id)}/clips`)).clips.find((c) => c.kind === 'clip' && c.state === 'whole')
        if (clip) { id = i.id; break }
      }
      if (id) break
    }
    assert.ok(id, 'no alert with a whole clip')
    for (const width of [390, 1280]) {
      const page = await open(browser, { width, path: `/a/${encodeURIComponent(id)}` })
      const card = page.locator(`[data-clip="${clip.id}"]`)
      await toCameras(page)
      await card.locator('[data-act=play]').click({ timeout: 15_000 })
      const video = await card.locator('video').elementHandle()
      const seen = await moves(page, video, 1)
      assert.deepEqual([seen.width, seen.height, seen.error], [clip.width, clip.height, undefined])
      await card.scrollIntoViewIfNeeded()
      await shot(page, `clip-${width}`)
      if (width < 900) {
        assert.ok((await sideways(page)).px <= 0)
        assert.deepEqual(await smallTargets(page), [])
      }
      assert.deepEqual(page.errors, [])
      await page.context().close()
    }
  })

  test('a camera is opened live with a reason, plays, counts down, and is closed by a tap', async () => {
    const page = await open(browser, { path: '/devices/gw-0142/cam-1' })
    const player = page.locator('[data-camera=cam-1]')
    await player.locator('[data-act=look]').click({ timeout: 15_000 })
    await player.getByText('请写明查看的理由').waitFor()
    await player.locator('input[name=reason]').fill('端到端测试')
    // The rest between two looks at one gateway may not be over yet.
    for (const end = Date.now() + 12_000; ;) {
      await player.locator('[data-act=look]').click()
      if (await player.locator('video').waitFor({ timeout: 1500 }).then(() => true, () => false)) break
      assert.ok(Date.now() < end, await player.innerText())
    }
    await page.locator('[data-camera=cam-1][data-look=live]').waitFor({ timeout: 15_000 })
    const seen = await moves(page, await player.locator('video').elementHandle(), 2)
    assert.deepEqual([seen.width, seen.height], [160, 112])
    assert.match(await player.locator('[role=timer]').innerText(), /还剩 5\d 秒/)
    await shot(page, 'live-390')
    assert.deepEqual(await smallTargets(page), [])
    await player.locator('[data-act=unlook]').click()
    await player.getByText('已结束').waitFor({ timeout: 5_000 })
    assert.deepEqual(page.errors, [])
    await page.context().close()
  })
})
