// Pictures of the pages at 390, 1280 and 1920 px, in both languages and themes: BASE_URL=… OUT=… node e2e/shots.mjs
// ONLY=todo,alert-open,390,zh,dark makes just these: pages or moments by name, and widths, languages, themes.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { base, launch, open } from './browser.mjs'
import { moments } from './moments.mjs'
import { places, shown } from './places.mjs'

const out = process.env.OUT ?? 'shots'
const only = (process.env.ONLY ?? '').split(',').filter(Boolean)
const all = { width: ['390', '1280', '1920'], lang: ['zh', 'en'], scheme: ['light', 'dark'] }
/** What is asked for of a list; all of it when nothing is. */
const asked = (list) => { const some = list.filter((x) => only.includes(x)); return some.length ? some : list }
mkdirSync(out, { recursive: true })

const views = { ...Object.fromEntries(Object.entries(await places()).map(([name, path]) => [name, { path }])), ...await moments() }
const known = [...Object.values(all).flat(), ...Object.keys(views)]
const strange = only.filter((word) => !known.includes(word))
if (strange.length) throw new Error(`ONLY: ${strange.join(', ')}: none of ${known.join(' ')}`)
const names = asked(Object.keys(views)).filter((name) => views[name] || console.error(`${name}: this demo has none now`))
const browser = await launch()
for (const width of asked(all.width).map(Number)) {
  for (const lang of asked(all.lang)) {
    for (const scheme of asked(all.scheme)) {
      const name = `${width}-${lang}-${scheme}`
      const page = await open(browser, { width, lang, scheme })
      for (const what of names) {
        const view = views[what]
        await view.before?.(page, lang)
        await page.goto(base + view.path)
        await shown(page, what.split('-')[0] === 'alert' ? 'alert' : what)
        await view.after?.(page)?.catch((error) => console.error(`${what}-${name}: ${String(error).split('\n')[0]}`)) // what moved on meanwhile costs one picture, not all
        const { width: wide, height } = page.viewportSize()
        if (width < 900 && !await page.locator('dialog[open]').count()) await page.setViewportSize({ width: wide, height: Math.max(height, await page.evaluate(() => document.documentElement.scrollHeight)) }) // whole, with what is fixed at its bottom
        await page.screenshot({ path: join(out, `${what}-${name}.png`) })
        await page.setViewportSize({ width: wide, height })
        await view.done?.(page)
        await page.unrouteAll()
      }
      for (const error of page.errors) console.error(`${name}: ${error}`)
      await page.context().close()
    }
  }
}
await browser.close()
console.log(`pictures of ${names.join(', ')} in ${out}`)
