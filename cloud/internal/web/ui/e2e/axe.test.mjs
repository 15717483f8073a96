// No page has an accessibility violation, in either theme, for a finger, a keyboard, a mouse, a person who needs it twice as
// large or a wall; nor has what pages open: BASE_URL=… npm run e2e
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { violations } from './axe.mjs'
import { base, launch, missing, open } from './browser.mjs'
import { faultsOf, openedFaults } from './looks.mjs'
import { shown } from './places.mjs'
import { visit, views } from './visit.mjs'

const skip = missing ?? (process.env.BASE_URL ? false : 'needs BASE_URL of a running demo')
/** Beside every page: what is refused, and some of the pages that wait, fail or have nothing. make bench looks at all of them. */
const besides = /^(alert-deeds|alert-flow|alert-gone|rate-dead|login|login-wrong|link-expired|todo-(waiting|empty)|(alerts|site)-failing)$/

describe('accessibility', { skip, timeout: 600_000 }, () => {
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

  test('what is planted for a finger, the keyboard and the zoom is found too', async () => {
    const page = await open(browser)
    await shown(page, 'todo')
    await page.evaluate(() => {
      document.querySelector('.body').insertAdjacentHTML('afterbegin', '<button id="small">x</button><button id="under" type="button">under</button><p id="wide">wide</p><p id="over">over</p>')
      const set = (id, style) => Object.assign(document.getElementById(id).style, style)
      set('small', { width: '30px', height: '30px', outline: 'none' })
      set('under', { position: 'fixed', top: '300px', left: '0', width: '90px', height: '60px' })
      set('over', { position: 'fixed', top: '300px', left: '0', width: '90px', height: '60px', zIndex: '9' })
      set('wide', { width: '660px' })
      document.getElementById('small').addEventListener('click', () => {
        document.body.insertAdjacentHTML('beforeend', '<dialog aria-label="deaf"><input aria-label="in"></dialog>')
        const dialog = document.body.lastElementChild
        dialog.addEventListener('cancel', (e) => { if (dialog.dataset.deaf) e.preventDefault(); else dialog.remove() }) // removed, not closed: the focus is lost
        dialog.addEventListener('keydown', (e) => { if (dialog.dataset.deaf) e.preventDefault() })
        dialog.dataset.deaf = document.title.endsWith('!') ? '1' : ''
        dialog.showModal()
      })
    })
    const found = (await faultsOf(page)).join('\n')
    for (const what of [/smaller than 44 px: x 30×30/, /at 390 px it scrolls/, /at 200 % zoom it scrolls/, /cannot be seen: BUTTON\. x/, /covered: BUTTON\. under/]) assert.match(found, what)
    const small = { click: ['#small'], dialog: true }
    assert.match((await openedFaults(page, small)).join(), /focus does not come back/)
    await page.evaluate(() => { document.title += '!' })
    assert.match((await openedFaults(page, small)).join(), /Escape does not close it/)
    assert.equal(await openedFaults(page, { click: ['#nowhere'], dialog: true }), undefined)
    await page.context().close()
  })

  // Each view once, in one of the four ways in turn; make bench looks at every one in more.
  test('every page and what it opens, in one theme, language and width; no page asks anybody but the demo', async () => {
    const ways = [{ scheme: 'light', lang: 'zh' }, { scheme: 'dark', lang: 'en', wide: true }, { scheme: 'dark', lang: 'zh' }, { scheme: 'light', lang: 'en', wide: true }]
    const pages = await Promise.all(ways.map((way) => open(browser, way)))
    const asked = new Set(), found = []
    for (const page of pages) page.context().on('request', (request) => asked.add(new URL(request.url()).host))
    for (const [n, view] of (await views()).filter((v) => v.place || besides.test(v.name)).entries()) {
      found.push(...await visit(pages[n % ways.length], view, ways[n % ways.length]))
    }
    assert.deepEqual(found, [])
    assert.deepEqual([...asked].filter((host) => host !== new URL(base).host), [])
    assert.ok(pages.reduce((sum, page) => sum + page.looked, 0) >= 70, `only ${pages.map((page) => page.looked)} were looked at; not opened: ${pages.flatMap((page) => page.none ?? [])}`)
    for (const page of pages) {
      assert.deepEqual(page.errors, [])
      await page.context().close()
    }
  })
})
