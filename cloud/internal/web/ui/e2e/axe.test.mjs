// No page has an accessibility violation, in either theme, for a finger, a mouse or a wall: BASE_URL=… npm run e2e
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { violations } from './axe.mjs'
import { base, launch, missing, open } from './browser.mjs'
import { places, shown } from './places.mjs'

const skip = missing ?? (process.env.BASE_URL ? false : 'needs BASE_URL of a running demo')

describe('accessibility', { skip, timeout: 300_000 }, () => {
  let browser
  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })

  test('a fault that is planted is found', async () => {
    const page = await open(browser)
    await shown(page, 'todo')
    await page.evaluate(() => {
      const main = document.querySelector('main')
      main.insertAdjacentHTML('afterbegin', '<p>planted</p><img src="data:image/svg+xml,%3Csvg xmlns=%27http://www.w3.org/2000/svg%27/%3E">')
      Object.assign(main.firstChild.style, { color: '#999', background: '#aaa' }) // not as an attribute: the pages forbid those
    })
    const found = (await violations(page)).join('\n')
    assert.match(found, /color-contrast/)
    assert.match(found, /image-alt/)
    await page.context().close()
  })

  // Each page once, in one of the four ways in turn; make bench looks at every page in four.
  test('every page, in one theme, language and width', async () => {
    const ways = [['light', 'zh', 390], ['dark', 'en', 1280], ['dark', 'zh', 390], ['light', 'en', 1280]]
    const pages = await Promise.all(ways.map(([scheme, lang, width]) => open(browser, { scheme, lang, width })))
    for (const [n, [name, path]] of Object.entries(await places()).entries()) {
      const page = pages[n % ways.length]
      await page.goto(base + path)
      await shown(page, name)
      assert.deepEqual(await violations(page), [], `${name} ${path} ${ways[n % ways.length]}`)
    }
    for (const page of pages) {
      assert.deepEqual(page.errors, [])
      await page.context().close()
    }
  })
})
