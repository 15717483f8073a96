// The browser of the end-to-end tests: Debian's Chromium through playwright-core, nothing downloaded.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

export const base = (process.env.BASE_URL ?? 'http://127.0.0.1:7080').replace(/\/$/, '')
const program = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

/** Why the tests cannot run here, or undefined. */
export const missing = program ? undefined : 'needs chromium: apt-get install chromium fonts-noto-cjk'
if (missing && process.env.LINSHAO_REQUIRE === '1') throw new Error(missing)

export function launch() {
  return chromium.launch({
    executablePath: program,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
}

/** A fresh context: width in CSS px, lang zh|en, scheme light|dark. Errors of the page are collected in page.errors. */
export async function open(browser, { width = 390, height = width < 900 ? 844 : width < 1600 ? 860 : 1080, lang = 'zh', scheme = 'light', path = '/todo' } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, locale: lang === 'zh' ? 'zh-CN' : 'en-GB', colorScheme: scheme,
    timezoneId: 'Europe/London', // not the site's: the pages must not use the browser's zone
    deviceScaleFactor: width < 900 ? 2 : 1, hasTouch: width < 900, isMobile: width < 900,
  })
  const page = await context.newPage()
  page.errors = []
  page.on('pageerror', (error) => page.errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) page.errors.push(message.text())
  })
  await page.goto(base + path)
  return page
}

/** Interactive things that are visible and smaller than 44 px in a direction that a finger needs. within: only there. */
export function smallTargets(page, within = 'body') {
  return page.evaluate((root) => [...document.querySelectorAll(`${root} :is(a, button, select, input, textarea, summary, label.choice)`)]
    .filter((e) => e.offsetParent !== null || getComputedStyle(e).position === 'fixed')
    .filter((e) => !e.closest('label.choice') || e.matches('label.choice'))
    .filter((e) => !(e.matches('a') && getComputedStyle(e).display === 'inline')) // links inside a sentence
    .map((e) => ({ text: (e.textContent || e.getAttribute('aria-label') || e.name || '').trim().slice(0, 30), e: (e.matches('[type=checkbox], [type=radio], [type=file]') && e.closest('label')) || e })) // a finger hits the label
    .map(({ text, e }) => ({ text, box: e.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && (box.height < 43.5 || box.width < 43.5) && box.bottom > 0)
    .map(({ text, box }) => `${text} ${Math.round(box.width)}×${Math.round(box.height)}`), within)
}

/** How far the page can be scrolled sideways, in px; and what sticks out. */
export function sideways(page) {
  return page.evaluate(() => {
    const wide = document.documentElement.clientWidth
    const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > wide + 1 && getComputedStyle(e).position !== 'fixed' && !e.closest('.u-over, .hidden-text, dialog:not([open])'))
    return { px: document.documentElement.scrollWidth - wide, what: out.slice(0, 5).map((e) => `${e.tagName}.${e.className} ${e.textContent?.trim().slice(0, 30)}`) }
  })
}
