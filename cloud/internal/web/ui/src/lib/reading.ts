// How lists are read while much happens: one reading at a time.

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
