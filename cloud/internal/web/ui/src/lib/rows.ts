// The first rows of a list whose answers hold so many at most. Pure.
const most = 200

/**
 * Reads the first n rows, one answer after another; next is where the next one begins, a place or a cursor. rows names them,
 * id tells two apart: what moves from one page to the next between two answers stands there once.
 */
export async function firstRows<K extends string, R, N extends string | number, P extends { [k in K]: R[] } & { next?: N }>(n: number, rows: K, id: (row: R) => string | number, read: (limit: number, from?: N) => Promise<P>): Promise<P> {
  let all = await read(Math.min(n, most))
  for (let got = all[rows].length; all.next && got < n;) {
    const more = await read(Math.min(n - got, most), all.next)
    got += Math.max(1, more[rows].length)
    all = { ...more, [rows]: joined(all[rows], more[rows], id) }
  }
  return all
}

/** A list with the next page behind it. */
export function joined<R>(list: R[], more: R[], id: (row: R) => string | number): R[] {
  const known = new Set(list.map(id))
  return [...list, ...more.filter((r) => !known.has(id(r)))]
}

/** How many rows to show after a tap on 更多: a list that is long already grows faster. */
export const further = (n: number) => n + (n < most ? 50 : most)
