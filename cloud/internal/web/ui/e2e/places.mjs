// The addresses of all pages on a running demo. A page without an address here fails test/places.test.mjs.
import { base } from './browser.mjs'

async function json(path) {
  const answer = await fetch(base + '/api/v1' + path)
  return answer.ok ? answer.json() : {}
}

/** What is asked of the server to fill in an address: the worst incident that is open, a site that is online, its socket. */
async function examples() {
  const found = {}
  for (const handling of ['open', 'handling', 'closed']) {
    const { incidents = [] } = await json(`/incidents?handling=${handling}&limit=50`)
    const first = [...incidents].sort((a, b) => a.severity.localeCompare(b.severity))[0]
    found.incident ??= first?.id
  }
  const { sites = [] } = await json('/sites')
  found.site = (sites.find((s) => s.online) ?? sites[0])?.id
  const { devices = [] } = found.site ? await json(`/sites/${encodeURIComponent(found.site)}`) : {}
  const device = devices.find((d) => d.kind === 'socket') ?? devices[0]
  found.gateway = device?.gateway
  found.device = device?.id
  found.round = (await json('/patrol/rounds')).rounds?.[0]?.id
  found.check = (await json('/duty-checks')).checks?.[0]?.id
  found.node = (await json('/org')).nodes?.[0]?.id
  found.rule = (await json('/rules')).rules?.[0]?.id
  return found
}

/** Every page's name and address; {names} are filled in. */
export const table = {
  start: '/', todo: '/todo', alert: '/a/{incident}', alerts: '/alerts', report: '/report', orders: '/orders', rate: '/r/{incident}',
  patrol: '/patrol', round: '/patrol/{round}', 'duty-check': '/duty-check', 'duty-answer': '/duty-check/{check}',
  sites: '/sites', site: '/sites/{site}', device: '/devices/{gateway}/{device}',
  rules: '/rules', rule: '/rules/R16', devices: '/devices', gateways: '/gateways', gateway: '/gateways/{gateway}', reports: '/reports',
  duty: '/duty', people: '/people', audit: '/audit', org: '/org', node: '/org/{node}',
  wall: '/wall', map: '/map', system: '/system', lost: '/nowhere/at/all',
}

/** The pages that this demo can show, by name. */
export async function places() {
  const found = await examples()
  const pages = {}
  for (const [name, pattern] of Object.entries(table)) {
    const path = pattern.replaceAll(/\{(\w+)\}/g, (_, key) => (found[key] ? encodeURIComponent(found[key]) : '{}'))
    if (!path.includes('{}')) pages[name] = path
  }
  if (found.site) pages['map-site'] = `/map?site=${encodeURIComponent(found.site)}`
  return pages
}

/** Waits until a page shows what it has, or says that there is nothing. */
export async function shown(page, name) {
  await page.locator('main :is(.card, .empty, table, svg, form, .error, .lost, .gone)').first().waitFor({ timeout: 8000 }).catch(() => {})
  await still(page)
  if (name === 'site' || name === 'map-site') await page.locator('[data-section=plan] svg .shape').first().waitFor({ timeout: 8000 }).catch(() => {})
  if (name === 'alert' || name === 'device') await page.locator('.plot :is(svg, canvas), .none, .flow, .gone').first().waitFor({ timeout: 8000 }).catch(() => {})
  const far = page.locator('[data-part=coming]')
  if (name === 'alert' && await far.count()) {
    await toCameras(page)
    await far.first().waitFor({ state: 'detached', timeout: 8000 }).catch(() => {})
    await page.evaluate(() => scrollTo(0, 0))
  }
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
}

/** Brings into sight what an alert's cameras saw, which comes only then. */
export const toCameras = (page) => page.locator(':is([data-part=coming], [data-part=clips], [data-part=look])').first().evaluate((e) => e.scrollIntoView({ block: 'center' }), undefined, { timeout: 8000 })

/** Waits until nothing that is seen is still awaited. */
export const still = (page) => page.waitForFunction(() => ![...document.querySelectorAll('.skeleton')].some((e) => e.offsetParent), undefined, { timeout: 5000 }).catch(() => {})
