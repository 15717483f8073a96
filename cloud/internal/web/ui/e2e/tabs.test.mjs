// A browser opens six connections to a server over HTTP/1.1: its pages share one live stream, so that many can be open.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { base, launch, missing, open } from './browser.mjs'

const skip = missing ?? (process.env.BASE_URL ? false : 'needs BASE_URL of a running demo')
const many = 7

describe('many pages of one browser', { skip, timeout: 120_000 }, () => {
  let browser
  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })

  /** Opens seven pages of one browser; how many of them are live and can read something within a time. */
  async function tabs(context, ms) {
    const paths = ['/todo', '/sites', '/alerts', '/todo?tab=closed', '/gateways', '/devices', '/map']
    const pages = await Promise.all(paths.map(async (path) => {
      const page = await context.newPage()
      const loaded = page.goto(base + path, { waitUntil: 'commit', timeout: ms }).catch(() => undefined)
      return { page, loaded }
    }))
    const works = await Promise.all(pages.map(async ({ page, loaded }) => {
      await loaded
      const live = await page.locator('[data-live=live]').first().waitFor({ state: 'attached', timeout: ms }).then(() => true, () => false)
      if (!live) return false
      return page.evaluate((limit) => Promise.race([fetch('/api/v1/session', { cache: 'no-store' }).then((a) => a.ok), new Promise((late) => setTimeout(late, limit, false))]), ms).catch(() => false)
    }))
    return { pages: pages.map((p) => p.page), works: works.filter(Boolean).length }
  }

  /** How many streams the cloud serves. */
  const streams = async () => Number(/^linshao_live_readers (\d+)/m.exec(await (await fetch(base + '/metrics')).text())?.[1])

  test('seven pages are live and can read, by one stream', async () => {
    const others = await streams()
    const context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 1280, height: 860 } })
    const { pages, works } = await tabs(context, 15_000)
    assert.equal(works, many)
    assert.equal(await streams(), others + 1, 'seven pages, one stream')
    for (const page of pages.slice(0, 3)) await page.close()
    assert.equal(await pages[5].locator('[data-live=live]').first().count(), 1, 'those that are left stay live')
    assert.equal(await streams(), others + 1)
    await context.close()
    for (const end = Date.now() + 15_000; await streams() > others;) assert.ok(Date.now() < end, 'nobody is there, and the stream is not let go')
  })

  test('planted: without what the pages share, seven of them starve', async () => {
    const context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 1280, height: 860 } })
    await context.addInitScript(() => { delete window.SharedWorker })
    const { works } = await tabs(context, 2000)
    assert.ok(works < many, 'the test above could not fail')
    await context.close()
  })
})
