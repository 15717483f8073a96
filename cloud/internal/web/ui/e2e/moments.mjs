// Moments of pages that their bare addresses do not show: tabs, an alert at each state, what is refused. For pictures, and for what looks at every view (visit.mjs).
import { base } from './browser.mjs'
import { toCameras } from './places.mjs'

async function json(path) {
  const answer = await fetch(base + '/api/v1' + path)
  return answer.ok ? answer.json() : {}
}

const problem = (route, status, code, message) => route.fulfill({ status, contentType: 'application/problem+json', body: JSON.stringify({ code, message }) })
/** Refuses instead of the demo's own server, which lets everybody in, with the sentences of cloud/internal/api. */
const refuse = (code, message, ways = { password: true }) => async (page, lang) => {
  await page.route('**/api/v1/session*', (r) => problem(r, 401, code, message[lang]))
  await page.route(/\/api\/v1\/login(\?|$)/, (r) => r.request().method() === 'GET' ? r.fulfill({ json: ways }) : problem(r, 401, 'bad_login', wrong[lang]))
}
const wanted = { zh: '', en: '' }
const wrong = { zh: '用户名或密码不对', en: 'wrong name or password' }
const expired = { zh: '链接已过期（24 小时内有效），请登录后查看，或联系责任人李敏。', en: 'this link is too old (links work for 24 hours); sign in, or ask 李敏, who answers for the site.' }
const tooLate = { zh: '评价链接已过期（30 天内有效），可联系责任人李敏。', en: 'this link to rate is too old (it works for 30 days); you can ask 李敏, who answers for the site.' }

/** Lets an alert be at the point where every deed that has a form is possible. */
const deeds = {
  verify: ['核实', 'Verify'], reject: ['核实为误报', 'Reject as a false alarm', 'note'], dispatch: ['分拨', 'Dispatch', 'to'], finish: ['处置完毕', 'Say that it is done', 'evidence'], rework: ['退回重办', 'Send back', 'note'],
  close: ['办结', 'Close the alert', 'outcome'], rate: ['评价', 'Rate', 'rating'], assign: ['转派', 'Reassign', 'to', 'note'], urge: ['督办', 'Urge', 'note'],
  whistle: ['吹哨', 'Raise to the next whistle', 'whistle', 'note'], suspend: ['挂起', 'Put off', 'until', 'note'],
}
const everyDeed = (page) => page.route(/\/api\/v1\/incidents\/[^/]+$/, async (route) => {
  const answer = await route.fetch()
  const next = Object.entries(deeds).map(([deed, [zh, en, ...needs]]) => ({ deed, needs, text: { zh, en } }))
  await route.fulfill({ response: answer, json: { ...await answer.json(), handling: 'handling', step: 'in_progress', condition: 'active', takenBy: '李敏', takenAt: Date.now(), next } })
})

/** The clip of an alert in the middle of it. */
async function play(page) {
  await toCameras(page)
  await page.locator('[data-act=play]').first().click({ timeout: 8000 })
  await page.waitForFunction(() => document.querySelector('video')?.currentTime > 1, undefined, { timeout: 15_000 })
  await page.locator('video').first().scrollIntoViewIfNeeded()
}

/** Never answers what is read there: what a page shows while it waits. */
const hang = (of) => (page) => page.route(of, () => {})
/** A bad line: what is sent does not arrive, what is read does. */
const noPost = (page) => page.route('**/api/v1/incidents/**', (r) => r.request().method() === 'POST' ? r.abort() : r.continue())
/** Takes an alert on a bad line. */
const takeInVain = async (page) => {
  await page.locator('[data-act=take]').first().click({ timeout: 8000 })
  await page.locator('[data-unsent]').first().waitFor({ timeout: 12_000 })
}
/** What was not sent must not go out with the next picture. */
const forget = async (page) => { await page.evaluate(() => localStorage.removeItem('deeds')); await page.goto('about:blank') }
/** Opens a dialog by the act that asks for it. */
const ask = (act) => async (page) => {
  await page.locator(`[data-act=${act}]`).first().click({ timeout: 15_000 })
  await page.locator('dialog[open]').waitFor({ timeout: 8000 })
  await page.waitForTimeout(400)
}

/** Each moment: an address and, where it needs one, what is arranged before it is opened and done after, and put right once the picture is there. Undefined: there is none now. */
export async function moments() {
  const all = []
  for (const handling of ['open', 'handling', 'closed']) all.push(...(await json(`/incidents?handling=${handling}&limit=100`)).incidents ?? [])
  all.sort((a, b) => a.severity.localeCompare(b.severity))
  const clips = new Map()
  for (const i of all.slice(0, 40)) clips.set(i.id, (await json(`/incidents/${encodeURIComponent(i.id)}/clips`)).clips?.length)
  const alert = (found, after) => found && { path: `/a/${encodeURIComponent(found.id)}`, after }
  const open = all.find((i) => i.handling === 'open'), inHand = all.find((i) => i.handling === 'handling'), filmed = all.find((i) => clips.get(i.id))
  const worst = all[0], closed = all.find((i) => i.step === 'closed')
  const many = (await json('/devices?limit=1')).total
  return {
    'todo-handling': { path: '/todo?tab=handling' }, 'todo-closed': { path: '/todo?tab=closed' },
    'alert-open': alert(open),
    'alert-deeds': worst && { path: `/a/${encodeURIComponent(worst.id)}`, before: everyDeed },
    'alert-handling': alert(inHand),
    'alert-closed': alert(all.find((i) => i.handling === 'closed')),
    'alert-clips': alert(filmed, play),
    'alert-merged': alert(all.find((i) => i.alertCount > 1 || i.mergedInto)),
    'alert-report': alert(all.find((i) => i.condition === 'none')),
    'alert-call': alert(open, ask('contacts')), 'alert-more': alert(open, ask('more')), 'alert-hold': alert(filmed, async (page) => { await toCameras(page); await ask('hold-evidence')(page) }),
    'alert-closing': inHand && { path: `/a/${encodeURIComponent(inHand.id)}?close=1`, after: (page) => page.locator('dialog[open]').waitFor({ timeout: 8000 }) },
    'alert-unsent': open && { ...alert(open, takeInVain), before: noPost, done: forget },
    'todo-unsent': open && { path: '/todo', before: noPost, after: takeInVain, done: forget },
    'todo-loading': { path: '/todo', before: hang('**/api/v1/incidents*') }, 'site-loading': { path: '/sites', before: hang('**/api/v1/sites*') },
    'wall-loading': { path: '/wall', before: hang('**/api/v1/wall*') },
    'alerts-chosen': { path: '/alerts', after: async (page) => { await page.locator('[data-row] a').first().click(); await page.waitForTimeout(1500) } },
    'devices-more': many > 50 && { path: '/devices', after: async (page) => { await page.locator('main button.more').click({ timeout: 8000 }); await page.waitForTimeout(2500) } },
    'rule-replay': { path: '/rules/R16', after: async (page) => { await page.locator('[data-act=replay]').click({ timeout: 8000 }); await page.locator('[data-act=cancel-replay]').waitFor({ state: 'detached', timeout: 60_000 }); await page.locator('[data-act=publish]').scrollIntoViewIfNeeded() } },
    'alert-flow': worst && { path: `/a/${encodeURIComponent(worst.id)}?view=flow` },
    'orders-progress': { path: '/orders?tab=all', after: async (page) => { await page.locator('[data-act=progress]').first().click(); await page.locator('.tree').first().waitFor() } },
    'alert-gone': { path: '/a/GJ-20200101-0001' },
    'map-resource': { path: '/map?view=resource' }, 'map-duty': { path: '/map?view=duty' }, 'map-flow': { path: '/map?view=flow' },
    'site-plan': worst && { path: `/sites/${encodeURIComponent(worst.site)}`, after: async (page) => { await page.locator('[data-shape] text').first().waitFor(); await page.locator('[data-section=plan]').scrollIntoViewIfNeeded() } },
    'site-plan-edit': worst && { path: `/sites/${encodeURIComponent(worst.site)}`, after: async (page) => { await page.locator('[data-act=edit-plan]').click(); await page.locator('[data-part=plan-editor] .shape').first().focus(); await page.locator('[data-part=plan-editor]').scrollIntoViewIfNeeded() } },
    'map-site-resource': worst && { path: `/map?view=resource&site=${encodeURIComponent(worst.site)}`, after: (page) => page.locator('[data-shape] text').first().waitFor() },
    'map-site-duty': worst && { path: `/map?view=duty&site=${encodeURIComponent(worst.site)}`, after: (page) => page.locator('[data-shape] text').first().waitFor() },
    'rate-closed': closed && { path: `/r/${encodeURIComponent(closed.id)}` },
    'rate-dead': worst && { path: `/r/${encodeURIComponent(worst.id)}?k=old`, before: (page, lang) => page.route('**/rate*', (r) => problem(r, 401, 'link_expired', tooLate[lang])) },
    login: { path: '/todo', before: refuse('login_required', wanted, { password: true, oidc: '/api/v1/login/oidc', name: '云枫街道统一认证' }) },
    'login-wrong': {
      path: '/todo', before: refuse('login_required', wanted),
      after: async (page) => { await page.fill('[name=name]', '李敏'); await page.fill('[name=password]', 'wrong'); await page.locator('[type=submit]').click(); await page.locator('[role=alert]').waitFor() },
    },
    'link-expired': worst && { path: `/a/${encodeURIComponent(worst.id)}?k=old`, before: refuse('link_expired', expired) },
  }
}
