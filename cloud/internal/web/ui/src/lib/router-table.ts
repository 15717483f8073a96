// Which page an address leads to. Pure.

export type PageName = 'todo' | 'alert' | 'sites' | 'site' | 'device' | 'system' | 'lost'

const table: [RegExp, PageName][] = [
  [/^\/(?:todo)?$/, 'todo'],
  [/^\/a\/([^/]+)$/, 'alert'],
  [/^\/sites$/, 'sites'],
  [/^\/system$/, 'system'],
  [/^\/sites\/([^/]+)$/, 'site'],
  [/^\/devices\/([^/]+)\/([^/]+)$/, 'device'],
]

/** The page of an address. */
export function match(path: string): { name: PageName; params: string[] } {
  const clean = path.length > 1 ? path.replace(/\/+$/, '') : path
  for (const [pattern, name] of table) {
    const found = pattern.exec(clean)
    if (found) return { name, params: found.slice(1).map(decode) }
  }
  return { name: 'lost', params: [] }
}

function decode(part: string): string {
  try { return decodeURIComponent(part) } catch { return part }
}
