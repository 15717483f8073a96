// How lists are read while much happens: one reading at a time, all that was paged to.

/** again: reads when the last reading has ended; however often it is asked meanwhile, once. soon: the same after the rest.
 * now: at once, for the question has changed; what is still under way is not wanted any more. */
export interface Reader { again(): void; soon(): void; now(): Promise<void>; stop(): void }

/** read is given what says whether its answer is still wanted. */
export function reader(read: (wanted: () => boolean) => Promise<void>, restMs: number): Reader {
  let round = 0, reading = false, due = false
  let timer: ReturnType<typeof setTimeout> | undefined
  async function now() {
    const mine = ++round
    const wanted = () => mine === round
    clearTimeout(timer)
    timer = undefined
    due = false
    reading = true
    try { await read(wanted) } finally {
      if (wanted()) { reading = false; if (due) soon() }
    }
  }
  function soon() { if (reading) due = true; else timer ??= setTimeout(now, restMs) }
  return { now, soon, again: () => { if (reading) due = true; else void now() }, stop: () => { round++; clearTimeout(timer) } }
}

interface Page<T> { incidents: T[]; next?: string }

/** The first n of a list, whatever the server gives at a time. What moved meanwhile is in it once. */
export async function firstOf<T extends { id: string }, P extends Page<T>>(n: number, read: (limit: number, before?: string) => Promise<P>): Promise<P> {
  const page = await read(Math.min(200, n))
  for (let got = page.incidents.length; page.next && got < n;) {
    const more = await read(Math.min(200, n - got), page.next)
    got += Math.max(1, more.incidents.length)
    page.incidents = joined(page.incidents, more.incidents)
    page.next = more.next
  }
  return page
}

/** A list with the next page behind it. Pure. */
export function joined<T extends { id: string }>(list: T[], more: T[]): T[] {
  const known = new Set(list.map((i) => i.id))
  return [...list, ...more.filter((i) => !known.has(i.id))]
}
