// 接警 that survives a bad connection: every tap is kept, sent, and when nothing answered kept as "unsent" until the
// connection is back; then each one is sent once. Pure but for what it is given.

export interface Pending { id: string; at: number; state: 'sending' | 'unsent' }

/** done: the server has it. refused: it never will, and why. offline: nobody answered. */
export type Sent = { kind: 'done' } | { kind: 'refused'; why: string } | { kind: 'offline' }

export interface QueueDeps {
  send(id: string): Promise<Sent>
  now(): number
  load(): Pending[]
  save(list: Pending[]): void
  /** Something changed: list is the new state. */
  changed(list: Pending[]): void
  refused(id: string, why: string): void
  /** The server has it: from now on its word counts. Awaited before the entry goes. */
  done?(id: string): Promise<void> | void
}

/** Older than this, a kept tap is not sent by itself any more: the person may be long gone. */
export const freshMs = 15 * 60 * 1000

export class TakeQueue {
  private list: Pending[]
  private flushing = false

  constructor(private deps: QueueDeps) {
    this.list = deps.load().map((entry) => ({ ...entry, state: 'unsent' }))
    deps.changed([...this.list])
  }

  /** Takes an incident. A second tap on one that is on its way does nothing; on an unsent one it sends at once. */
  async take(id: string): Promise<void> {
    const known = this.list.find((entry) => entry.id === id)
    if (known?.state === 'sending') return
    if (known) known.at = this.deps.now()
    else this.list.push({ id, at: this.deps.now(), state: 'unsent' })
    await this.attempt(id)
  }

  /** Sends each fresh unsent entry once, one after the other. */
  async flush(): Promise<void> {
    if (this.flushing) return
    this.flushing = true
    try {
      const due = this.list.filter((e) => e.state === 'unsent' && this.deps.now() - e.at <= freshMs)
      for (const entry of due) await this.attempt(entry.id)
    } finally {
      this.flushing = false
    }
  }

  /** Forgets everything: another person signs in. */
  clear() {
    this.list = []
    this.publish()
  }

  private async attempt(id: string): Promise<void> {
    const entry = this.list.find((e) => e.id === id)
    if (!entry || entry.state === 'sending') return
    entry.state = 'sending'
    this.publish()
    const sent = await this.deps.send(id)
    if (sent.kind === 'offline') {
      entry.state = 'unsent'
    } else {
      if (sent.kind === 'done') await this.deps.done?.(id)
      this.list = this.list.filter((e) => e !== entry)
    }
    this.publish()
    if (sent.kind === 'refused') this.deps.refused(id, sent.why)
  }

  private publish() {
    this.deps.save(this.list)
    this.deps.changed(this.list.map((entry) => ({ ...entry })))
  }
}
