// Figures and places of rules. Pure.
import type { DraftProblem, Rule } from './types/rules'

/** False alarms among the alerts that people closed as real or false, in whole per cent; undefined without any. */
export function falseRate(r: Pick<Rule, 'real' | 'false'>): number | undefined {
  const of = r.real + r.false
  return of ? Math.round(r.false * 100 / of) : undefined
}

/** A condition in the words of people: "level >= limit or status == 2" is "燃气浓度 ≥ 25 %LEL 或 状态 = 高报". Undefined when it
    says more than comparisons of points: then only the rule's own text tells it. */
export function inWords(expr: string, params: { name: string; value: string }[], w: { point: (name: string) => string | undefined; state: (point: string, value: string) => string | undefined; and: string; or: string }): string | undefined {
  const signs: Record<string, string> = { '>=': '≥', '<=': '≤', '==': '=', '!=': '≠', '>': '>', '<': '<' }
  const given = new Map(params.map((p) => [p.name, p.value]))
  const said = expr.trim().split(/\s+(and|or)\s+/).map((part, n) => {
    if (n % 2) return part === 'and' ? w.and : w.or
    const [, name = '', sign = '', value = ''] = /^([a-z_][\w.]*) (>=|<=|==|!=|>|<) ([\w.]+)$/.exec(part) ?? []
    const point = name && w.point(name)
    const bare = /^[\d.]+$/.test(value)
    return point && (given.has(value) || bare) ? `${point} ${signs[sign]} ${given.get(value) ?? w.state(name, value) ?? value}` : undefined
  })
  return said.every((s) => s !== undefined) ? said.join(' ') : undefined
}

/** Where a line of a text begins and ends, for the cursor of an editor; the column counts from 1. */
export function placeIn(text: string, line: number, col: number): [number, number] {
  const lines = text.split('\n')
  const at = Math.min(Math.max(line, 1), lines.length) - 1
  const start = lines.slice(0, at).reduce((n, l) => n + l.length + 1, 0)
  const end = start + lines[at]!.length
  return [Math.min(start + Math.max(col - 1, 0), end), end]
}

/** The problems of each line, the whole draft's under 0. */
export function byLine(problems: DraftProblem[]): Map<number, DraftProblem[]> {
  const all = new Map<number, DraftProblem[]>()
  for (const p of problems) all.set(p.line, [...(all.get(p.line) ?? []), p])
  return all
}

/** Left edge and width of a span within a window, in per cent; never narrower than can be seen. */
export function bar(from: number, to: number, window: { from: number; to: number }): { left: number; width: number } {
  const total = Math.max(1, window.to - window.from)
  const left = Math.min(100, Math.max(0, (from - window.from) * 100 / total))
  const right = Math.min(100, Math.max(left, (to - window.from) * 100 / total))
  const width = Math.max(0.4, right - left)
  return { left: Math.min(left, 100 - width), width }
}

/** −14, +3, 0: with a real minus. */
export const signed = (n: number) => (n > 0 ? `+${n}` : n < 0 ? `−${-n}` : '0')
