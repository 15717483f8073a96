// Accessibility of a page as axe-core sees it: WCAG 2 A and AA.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const all = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }
const contrast = { type: 'rule', values: ['color-contrast'] } // the one that another theme can change

/** One line a violation: rule, element, what axe says about it. within: only there. */
export async function violations(page, { within = 'html', colours = false } = {}) {
  // The pages forbid scripts that are not theirs: the test's comes in from outside, as a person's extension would.
  if (!await page.evaluate(() => !!globalThis.axe)) await page.evaluate(source)
  const found = await page.evaluate(([root, runOnly]) => globalThis.axe.run(root, { runOnly, resultTypes: ['violations'] }), [within, colours ? contrast : all])
  return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${(n.any[0] ?? n.all[0] ?? n.none[0])?.message ?? v.help}`))
}
