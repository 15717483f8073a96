// One pass over everything that can be seen: each view is visited once, looked at, and what it opens is opened.
import { base } from './browser.mjs'
import { faultsOf, openedFaults } from './looks.mjs'
import { moments } from './moments.mjs'
import { opened, states } from './opened.mjs'
import { places, shown } from './places.mjs'

/** Pages and moments that this demo can show, and pages as they are while they wait, fail or have nothing. */
export async function views() {
  const pages = await places()
  const list = Object.entries({ ...Object.fromEntries(Object.entries(pages).map(([name, path]) => [name, { path, place: true }])), ...await moments() })
  for (const [state, before] of Object.entries(states)) {
    for (const [name, path] of Object.entries(pages)) list.push([`${name}-${state}`, { path, before, state }])
  }
  return list.filter(([, view]) => view).map(([name, view]) => ({ ...view, name, opens: Object.entries(opened[name] ?? {}) }))
}

/** What is wrong with a view and with what it opens, a line each; counts in page.looked, and in page.none what could not be opened. */
export async function visit(page, view, how = {}) {
  const lang = await page.evaluate(() => (navigator.language.startsWith('zh') ? 'zh' : 'en'))
  const arrive = async () => {
    await page.goto(base + view.path)
    if (view.state === 'waiting') await page.locator('main').first().waitFor()
    else await shown(page, view.name.split('-')[0] === 'alert' ? 'alert' : view.name)
    await view.after?.(page)
  }
  try {
    await view.before?.(page, lang)
    await arrive()
    const found = (await faultsOf(page, how)).map((what) => `${view.name}: ${what}`)
    page.looked = (page.looked ?? 0) + 1
    for (const [n, [what, thing]] of view.opens.entries()) {
      const faults = await openedFaults(page, thing, how)
      if (faults) page.looked++
      else (page.none ??= []).push(`${view.name} ${what}`)
      found.push(...(faults ?? []).map((fault) => `${view.name}, ${what} opened: ${fault}`))
      if ((thing.again || !faults) && n < view.opens.length - 1) await arrive()
    }
    return found
  } finally { // what was arranged for the view is not there for the next one
    await view.done?.(page)
    await page.unrouteAll({ behavior: 'ignoreErrors' })
  }
}
