// Pictures of the pages at 390, 1280 and 1920 px, in both languages and themes: BASE_URL=… OUT=… node e2e/shots.mjs
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { base, launch, open } from './browser.mjs'
import { places, shown } from './places.mjs'

const out = process.env.OUT ?? 'shots'
const only = process.env.ONLY // "390-zh-light": just the pictures whose name ends so
mkdirSync(out, { recursive: true })

const pages = await places()
const browser = await launch()
for (const width of [390, 1280, 1920]) {
  for (const lang of ['zh', 'en']) {
    for (const scheme of ['light', 'dark']) {
      const name = `${width}-${lang}-${scheme}`
      if (only && !only.split(',').includes(name)) continue
      const page = await open(browser, { width, lang, scheme })
      for (const [what, path] of Object.entries(pages)) {
        await page.goto(base + path)
        await shown(page, what)
        await page.screenshot({ path: join(out, `${what}-${name}.png`), fullPage: width < 900 && process.env.FULL !== '0' })
      }
      for (const error of page.errors) console.error(`${name}: ${error}`)
      await page.context().close()
    }
  }
}
await browser.close()
console.log(`pictures of ${Object.keys(pages).join(', ')} in ${out}`)
