// Pictures of the pages at 390, 1280 and 1920 px, in both languages and themes: BASE_URL=… OUT=… node e2e/shots.mjs
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { base, launch, open } from './browser.mjs'

const out = process.env.OUT ?? 'shots'
const only = process.env.ONLY // "390-zh-light": just the pictures whose name ends so
mkdirSync(out, { recursive: true })

async function json(path) {
  const answer = await fetch(base + '/api/v1' + path)
  return answer.ok ? answer.json() : {}
}

/** The addresses worth a picture: the first incident, site and device that the server has. */
async function addresses() {
  const pages = { todo: '/todo', sites: '/sites', system: '/system' }
  for (const handling of ['open', 'handling', 'closed']) {
    const { incidents = [] } = await json(`/incidents?handling=${handling}&limit=50`)
    const first = [...incidents].sort((a, b) => a.severity.localeCompare(b.severity))[0]
    if (first && !pages.alert) pages.alert = `/a/${encodeURIComponent(first.id)}`
  }
  const { sites = [] } = await json('/sites')
  const site = sites.find((s) => s.online) ?? sites[0]
  if (!site) return pages
  pages.site = `/sites/${encodeURIComponent(site.id)}`
  const { devices = [] } = await json(pages.site)
  const device = devices.find((d) => d.kind === 'socket') ?? devices[0]
  if (device) pages.device = `/devices/${encodeURIComponent(device.gateway)}/${encodeURIComponent(device.id)}`
  return pages
}

const pages = await addresses()
const browser = await launch()
for (const width of [390, 1280, 1920]) {
  for (const lang of ['zh', 'en']) {
    for (const scheme of ['light', 'dark']) {
      const name = `${width}-${lang}-${scheme}`
      if (only && !only.split(',').includes(name)) continue
      const page = await open(browser, { width, lang, scheme })
      for (const [what, path] of Object.entries(pages)) {
        await page.goto(base + path)
        await page.locator('main .card').first().waitFor({ timeout: 8000 }).catch(() => {})
        if (what === 'alert' || what === 'device') await page.locator('.plot canvas, .none').first().waitFor({ timeout: 8000 }).catch(() => {})
        if (what === 'device') await page.locator('.strip').waitFor({ timeout: 8000 }).catch(() => {})
        await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
        await page.screenshot({ path: join(out, `${what}-${name}.png`), fullPage: width < 900 && process.env.FULL !== '0' })
      }
      for (const error of page.errors) console.error(`${name}: ${error}`)
      await page.context().close()
    }
  }
}
await browser.close()
console.log(`pictures of ${Object.keys(pages).join(', ')} in ${out}`)
