// What happened to many devices of one gateway at once is one thing to read.
import type { JournalEntry } from './types'

const together = 10 * 60_000

/** Entries that follow each other, of one kind and one gateway and within ten minutes of the first, in one group. */
export function grouped(entries: JournalEntry[]): JournalEntry[][] {
  const out: JournalEntry[][] = []
  for (const e of entries) {
    const group = out[out.length - 1]
    const first = group?.[0]
    if (group && first && first.kind === e.kind && first.gateway === e.gateway && Math.abs(first.at - e.at) <= together) group.push(e)
    else out.push([e])
  }
  return out
}
