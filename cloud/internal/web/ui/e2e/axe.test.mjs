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
      main.insertAdjacentHTML('afterbegin', '<p>planted</p><img src="/icon.svg">')
      Object.assign(main.firstChild.style, { color: '#999', background: '#aaa' }) // not as an attribute: the pages forbid those
    })
    const found = (await violations(page)).join('\n')
    assert.match(found, /color-contrast/)
    assert.match(found, /image-alt/)
    await page.context().close()
  })

  for (const [scheme, lang, width] of [['light', 'zh', 390], ['dark', 'en', 1280]]) {
    test(`every page, ${scheme}, ${lang}, ${width} px`, async () => {
      const page = await open(browser, { scheme, lang, width })
      for (const [name, path] of Object.entries(await places())) {
        await page.goto(base + path)
        await shown(page, name)
        assert.deepEqual(await violations(page), [], `${name} ${path}`)
      }
      assert.deepEqual(page.errors, [])
      await page.context().close()
    })
  }
})
