// Which page an address leads to. Pure.

export interface Match { name: string; params: string[] }

/** The page of an address; "lost" when there is none. "/" is the first page unless one has that path. */
export function match(table: { name: string; path: string }[], path: string): Match {
  const clean = path.length > 1 ? path.replace(/\/+$/, '') : path
  const at = clean === '/' && !table.some((p) => p.path === '/') ? table[0]?.path ?? '/' : clean
  for (const page of table) {
    const params = fits(page.path, at)
    if (params) return { name: page.name, params }
  }
  return { name: 'lost', params: [] }
}

function fits(pattern: string, path: string): string[] | undefined {
  const want = pattern.split('/')
  const have = path.split('/')
  if (want.length !== have.length) return undefined
  const params: string[] = []
  for (let n = 0; n < want.length; n++) {
    if (want[n]!.startsWith(':') && have[n]) params.push(decode(have[n]!))
    else if (want[n] !== have[n]) return undefined
  }
  return params
}

function decode(part: string): string {
  try { return decodeURIComponent(part) } catch { return part }
}
