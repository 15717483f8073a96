// The first rows of a list whose answers hold so many at most. Pure.
const most = 200

/**
 * Reads the first n rows, one answer after another. rows names them, id tells two apart: what moves from one page to the next
 * between two answers stands there once.
 */
export async function firstRows<K extends string, R, P extends { [k in K]: R[] } & { next?: number }>(n: number, rows: K, id: (row: R) => string | number, read: (offset: number, limit: number) => Promise<P>): Promise<P> {
  let all = await read(0, Math.min(n, most))
  while (all.next && all.next < n) {
    const more = await read(all.next, Math.min(n - all.next, most))
    const seen = new Set(all[rows].map(id))
    all = { ...more, [rows]: [...all[rows], ...more[rows].filter((r) => !seen.has(id(r)))] }
  }
  return all
}

/** How many rows to show after a tap on 更多: a list that is long already grows faster. */
export const further = (n: number) => n + (n < most ? 50 : most)
