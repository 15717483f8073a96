// Deeds of incidents that survive a bad connection: every tap is kept, sent, and when nothing answered kept as "unsent" until
// the connection is back; then each one is sent once. Each has a key of its own, by which the server knows a deed that it has
// already: an answer that got lost never makes a deed happen twice. Pure but for what it is given.

export interface Pending {
  /** The incident. */
  id: string
  /** The last part of the operation's path: take, verify, note, close … */
  deed: string
  /** What is given with it. */
  body?: object
  key: string
  at: number
  /** Whose deed it is: it goes out as theirs or not at all. */
  who?: string
  state: 'sending' | 'unsent'
}

/** done: the server has it. refused: it never will, and why. offline: nobody answered. */
export type Sent = { kind: 'done' } | { kind: 'refused'; why: string } | { kind: 'offline' }

export interface QueueDeps {
  send(entry: Pending): Promise<Sent>
  now(): number
  /** Who is here. */
  who(): string
  /** A key that nobody else makes. */
  key(): string
  load(): Pending[]
  save(list: Pending[]): void
  /** Something changed: list is the new state. */
  changed(list: Pending[]): void
  refused(entry: Pending, why: string): void
  /** The server has it: from now on its word counts. Awaited before the entry goes. */
  done?(entry: Pending): Promise<void> | void
}

/** Older than this, a kept tap is not sent by itself any more: the person may be long gone. */
export const freshMs = 15 * 60 * 1000

export class DeedQueue {
  private list: Pending[]
  private flushing = false

  constructor(private deps: QueueDeps) {
    this.list = deps.load().map((entry) => ({ ...entry, state: 'unsent' as const })).filter((e) => this.mine(e) || this.fresh(e))
    deps.changed(this.copy())
  }

  /** Does a deed. The same deed again while it is on its way does nothing; on an unsent one it sends at once, with what is
   * given now. Later deeds of the same incident wait for the earlier ones. */
  async do(id: string, deed: string, body?: object): Promise<void> {
    const known = this.list.find((e) => e.id === id && e.deed === deed && this.mine(e))
    if (known?.state === 'sending') return
    if (known) Object.assign(known, { at: this.deps.now(), body }, JSON.stringify(body) === JSON.stringify(known.body) ? {} : { key: this.deps.key() })
    else this.list.push({ id, deed, body, key: this.deps.key(), at: this.deps.now(), who: this.deps.who(), state: 'unsent' })
    const first = this.list.find((e) => e.id === id && this.mine(e))
    if (first && first.deed !== deed) {
      this.publish()
      if (first.state === 'sending') return // it takes this one along when it is done
    }
    await this.of(id)
  }

  /** Takes an incident. */
  take(id: string): Promise<void> { return this.do(id, 'take') }

  /** Sends each fresh unsent entry once, one after the other. */
  async flush(): Promise<void> {
    if (this.flushing) return
    this.flushing = true
    try {
      const due = new Set(this.list.filter((e) => e.state === 'unsent' && this.mine(e) && this.fresh(e)).map((e) => e.id))
      for (const id of due) await this.of(id)
    } finally {
      this.flushing = false
    }
  }

  /** Throws an unsent deed away. */
  drop(id: string, deed: string) {
    this.list = this.list.filter((e) => !(e.id === id && e.deed === deed && e.state === 'unsent' && this.mine(e)))
    this.publish()
  }

  /** Forgets what is the reader's, who signs out. */
  clear() {
    this.list = this.list.filter((e) => !this.mine(e))
    this.publish()
  }

  /** Another person is here: what the one before has left behind waits for them. */
  another() { this.deps.changed(this.copy()) }

  private mine(e: Pending) { return (e.who ?? '') === this.deps.who() }

  private fresh(e: Pending) { return this.deps.now() - e.at <= freshMs }
  private copy() { return this.list.filter((e) => this.mine(e)).map((entry) => ({ ...entry })) }

  /** Sends the deeds of one incident in their order, until one finds nobody. One that is refused takes those behind it along:
   * they were meant for what it would have made. */
  private async of(id: string): Promise<void> {
    for (;;) {
      const entry = this.list.find((e) => e.id === id && this.mine(e))
      if (!entry || entry.state === 'sending' || !this.fresh(entry)) return
      if (await this.attempt(entry) !== 'done') return
    }
  }

  private async attempt(entry: Pending): Promise<Sent['kind']> {
    entry.state = 'sending'
    this.publish()
    const sent = await this.deps.send({ ...entry })
    if (sent.kind === 'offline') {
      entry.state = 'unsent'
    } else {
      if (sent.kind === 'done') await this.deps.done?.(entry)
      this.list = this.list.filter((e) => e !== entry && !(sent.kind === 'refused' && e.id === entry.id && e.who === entry.who))
    }
    this.publish()
    if (sent.kind === 'refused') this.deps.refused(entry, sent.why)
    return sent.kind
  }

  private publish() {
    this.deps.save(this.list)
    this.deps.changed(this.copy())
  }
}
