// What a person who sees little, uses a finger or no mouse meets in one visit of a view: each fault a line.
import { violations } from './axe.mjs'
import { sideways, smallTargets } from './browser.mjs'
import { still } from './places.mjs'

const desk = { width: 1280, height: 860 }, wall = { width: 1920, height: 1080 }
const doubled = { width: 640, height: 430 } // a desk of 1280 px at 200 % zoom has half the CSS pixels

/** What scrolls sideways. A chart follows its box a little later. */
async function tooWide(page, where) {
  let found = await sideways(page)
  for (let n = 0; n < 10 && found.px > 0; n++) { await page.waitForTimeout(100); found = await sideways(page) }
  return found.px > 0 ? [`${where} scrolls ${found.px} px sideways: ${found.what.join('; ')}`] : []
}

/** The element with the focus, as the next press of Tab left it: whether it can be seen, and lies in the dialog that is open. */
const focused = (page) => page.evaluate(() => {
  const e = document.activeElement
  if (!e || e === document.body || e.tagName === 'HTML') return undefined
  const box = e.getBoundingClientRect(), dialog = document.querySelector('dialog[open]')
  // A control that is drawn otherwise shows its focus at what surrounds it.
  const spots = [[0.5, 0.5], [0.1, 0.3], [0.9, 0.7]].map(([x, y]) => document.elementFromPoint(box.left + box.width * x, box.top + box.height * y))
  const nth = [...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]')].indexOf(e)
  // What is drawn shows its focus by a thick line in the colour of links.
  const link = Object.assign(document.createElement('i'), { hidden: true })
  link.style.color = 'var(--accent)'
  document.body.append(link)
  const accent = getComputedStyle(link).color
  link.remove()
  const lined = e instanceof SVGElement && [e, ...e.querySelectorAll('*')].some((k) => getComputedStyle(k).stroke === accent && parseFloat(getComputedStyle(k).strokeWidth) >= 2)
  return {
    nth, name: `${e.tagName}.${e.getAttribute('class') ?? ''} ${(e.textContent || e.getAttribute('aria-label') || e.name || '').trim().slice(0, 30)}`,
    outlined: lined || [e, e.parentElement, e.parentElement?.parentElement].some((k) => k && getComputedStyle(k).outlineStyle !== 'none' && parseFloat(getComputedStyle(k).outlineWidth) > 0),
    covered: !spots.some((s) => s && (s === e || e.contains(s) || s.contains(e) || s.closest('label')?.contains(e) || (e instanceof SVGElement && s.ownerSVGElement === e.ownerSVGElement))), // on a drawing one thing lies on another
    outside: !!dialog && !dialog.contains(e),
  }
})

/** Walks with Tab, round once or as far as it is let. */
async function walk(page, most) {
  const found = [], seen = new Set()
  for (let n = 0; n < most; n++) {
    await page.keyboard.press('Tab')
    const at = await focused(page)
    if (!at) continue
    if (seen.has(at.nth)) break
    seen.add(at.nth)
    if (!at.outlined) found.push(`a focus that cannot be seen: ${at.name}`)
    if (at.covered) found.push(`what has the focus is covered: ${at.name}`)
    if (at.outside) found.push(`the focus leaves the dialog: ${at.name}`)
  }
  return seen.size || !most ? found : [...found, 'the keyboard reaches nothing']
}

/** The contrast of both themes on one visit. */
async function otherTheme(page, within) {
  const dark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches)
  await page.emulateMedia({ colorScheme: dark ? 'light' : 'dark' })
  await page.evaluate(() => Promise.allSettled(document.getAnimations().filter((a) => a instanceof CSSTransition).map((a) => a.finished))) // buttons fade into their colours; what pulses never ends
  const found = await violations(page, { within, colours: true })
  await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
  return found.map((what) => `in the ${dark ? 'light' : 'dark'} theme ${what}`)
}

/** All that is looked at as the page stands at 390 px. wide: axe looks at it as a desk has it; both: in both themes. */
export async function faultsOf(page, { wide = false, both = false, within = 'html', steps = 8 } = {}) {
  const phone = page.viewportSize()
  const found = [...(await smallTargets(page, within)).map((what) => `smaller than 44 px: ${what}`), ...await walk(page, steps)]
  if (wide) found.push(...await tooWide(page, 'at 390 px it'))
  await page.setViewportSize(doubled)
  found.push(...await tooWide(page, 'at 200 % zoom it'))
  for (const size of wide ? [wall, desk] : [phone]) { await page.setViewportSize(size); found.push(...await tooWide(page, `at ${size.width} px it`)) }
  found.push(...await violations(page, { within }), ...both ? await otherTheme(page, within) : [])
  if (wide) await page.setViewportSize(phone)
  return [...new Set(found)]
}

/** Opens something on the page, looks at it and closes it again; undefined when there is nothing to open it with now. */
export async function openedFaults(page, { click, dialog }, how = {}) {
  const box = page.locator('dialog[open]')
  let opener
  for (const [n, what] of click.entries()) {
    const at = page.locator(what).filter({ visible: true }).first()
    if (!await at.waitFor({ timeout: n ? 3000 : 300 }).then(() => true, () => false)) return undefined
    if (!await box.count()) opener = await at.elementHandle()
    await at.click()
  }
  if (!dialog) { await still(page); return faultsOf(page, { ...how, within: 'body', steps: 0 }) }
  await box.waitFor({ timeout: 5000 })
  const found = await faultsOf(page, { ...how, within: 'dialog[open]', steps: 40 })
  await page.keyboard.press('Escape')
  if (!await box.waitFor({ state: 'detached', timeout: 3000 }).then(() => true, () => false)) return [...found, 'Escape does not close it']
  const back = await page.evaluate((e) => document.activeElement === e || `${document.activeElement?.tagName}.${document.activeElement?.className}`, opener)
  return back === true ? found : [...found, `the focus does not come back to what opened it, but to ${back}`]
}
