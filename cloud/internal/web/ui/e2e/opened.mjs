// What people open on pages: dialogs, tabs, what is unfolded. And how pages are while they wait, when they cannot read, and when
// there is nothing. Nothing here changes anything on the demo.

/** click: from the page to what is opened; the focus comes back to what opened the dialog. again: the page is opened anew after it. */
const dialog = (...click) => ({ click, dialog: true, again: click[0].startsWith('.tick') })
const part = (...click) => ({ click, again: true })
const tab = (key) => part(`[data-tab=${key}]`)
const menu = '[data-part=deeds] [data-act=more]'
const inMenu = (act) => dialog(menu, `dialog[open] [data-act=${act}]`)

/** By the name of a page or moment (places.mjs, moments.mjs). */
export const opened = {
  todo: { more: part('.nav [data-act=more]'), closed: part('#tab-closed') },
  // The deeds that are possible now are the demo's; this moment has all. These ask for everything that a deed can ask for.
  'alert-deeds': {
    menu: dialog(menu), call: dialog('[data-part=deeds] [data-act=contacts]'), merge: inMenu('merge'),
    ...Object.fromEntries(['verify', 'finish', 'assign', 'whistle', 'suspend', 'rate'].map((deed) => [deed, inMenu(deed)])),
    close: dialog('[data-part=deeds] [data-act=close]'),
  },
  alerts: { filters: part('[data-act=filters]'), urge: dialog('.tick input', '[data-act=bulk-urge]') },
  orders: { give: dialog('[data-act=give]'), all: tab('all') },
  patrol: { week: tab('week'), plans: tab('plans') },
  round: { more: dialog('[data-act=more]') },
  site: { window: dialog('[data-act=plan-window]'), history: part('[data-section=history] summary') },
  device: {
    move: dialog('[data-act=move]'), snooze: dialog('[data-act=snooze]'), exchanged: dialog('[data-act=note-meter]'),
    trial: part('[data-act=trial]', '[data-act=compare]'), frames: part('[data-act=frames]', '[data-act=save-frames]'),
  },
  rule: { text: part('main details:last-of-type summary') },
  gateways: { enrol: dialog('[data-act=enrol]') },
  gateway: { enrol: dialog('[data-act=enrol]'), revoke: dialog('[data-act=revoke]') },
  duty: { handover: dialog('[data-act=handover]'), roster: tab('roster'), told: tab('told'), receivers: tab('receivers') },
  people: { add: dialog('[data-act=add]'), change: dialog('[data-act=change]'), sessions: tab('sessions') },
  node: { emergency: dialog('[data-act=emergency]') },
  wall: { settings: dialog('[data-act=settings]') },
  map: { resource: tab('resource'), duty: tab('duty'), flow: tab('flow') },
  system: { figures: part('main details summary') },
}

/** What a page asks the server for, but for who is there. */
const asked = (url) => url.pathname.startsWith('/api/v1/') && !/\/(session|stream|modes|login)\b/.test(url.pathname)
const nothing = (value) => (Array.isArray(value) ? [] : value)

/** How any page can be, by what becomes of its questions. */
export const states = {
  waiting: (page) => page.route(asked, () => {}), // no answer comes
  failing: (page) => page.route(asked, (route) => route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"code":"internal","message":"数据库忙，请稍后再试"}' })),
  empty: (page) => page.route(asked, async (route) => {
    const answer = await route.fetch()
    const json = answer.ok() ? await answer.json().catch(() => undefined) : undefined
    await route.fulfill(json && !Array.isArray(json) ? { response: answer, json: Object.fromEntries(Object.entries(json).map(([k, v]) => [k, nothing(v)])) } : { response: answer })
  }),
}
