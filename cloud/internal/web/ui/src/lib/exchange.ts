// One live stream for all open pages of a browser: over HTTP/1.1 a browser opens six connections to a server, so a seventh
// page with a stream of its own could not read anything. Runs in a shared worker (liveworker.ts), or in the page itself where
// there is none. Pure but for what it is given.

export const kinds = ['incident', 'site', 'readings', 'mode', 'order', 'cell', 'org', 'replay', 'rollout', 'reset', 'ping'] as const
export type Kind = (typeof kinds)[number]
/** Whose readings a page wants. */
export interface Want { site?: string; device?: string }
/** What a page asks. who: pages of one reader share a stream; key: of a signed link. */
export type Ask =
  | { do: 'join'; who: string; key: string; want: Want }
  | { do: 'want'; want: Want }
  | { do: 'here' } // it is still there
  | { do: 'reopen'; why: 'closed' | 'stuck' | 'online' }
  | { do: 'leave' }
/** What a page is told. gone: it was given up; it may join again. */
export type Told = { is: 'here' } | { is: 'gone' } | { is: 'open' } | { is: 'broken'; closed: boolean } | { is: 'event'; kind: Kind; data: string }

export interface Heard { open(): void; broken(closed: boolean): void; event(kind: Kind, data: string, id: string): void }
/** Opens a stream; answers how to close it. */
export type Dial = (address: string, heard: Heard) => () => void
export type Tell = (told: Told) => void

interface Member { want: Want; seen: number; live: boolean }
interface Group { key: string; members: Map<Tell, Member>; hang?: () => void; asked: string; last: string; dialled: number; open: boolean; shrunk: number }

const lostMs = 45_000 // a page that says nothing for so long is gone: a closed window cannot always say so
const shrinkMs = 20_000 // readings that nobody wants any more are let go
const restMs = { closed: 1500, stuck: 7000, online: 1000 }

export class Exchange {
  private groups = new Map<string, Group>()

  constructor(private dial: Dial, private now: () => number) {}

  /** A page says something; tell is how to reach it, and which page it is. */
  hear(tell: Tell, ask: Ask) {
    if (ask.do === 'join') { this.leave(tell); this.join(tell, ask); return }
    const group = this.of(tell)
    const member = group?.members.get(tell)
    if (!group || !member) { if (ask.do !== 'leave') tell({ is: 'gone' }); return }
    member.seen = this.now()
    switch (ask.do) {
      case 'here': tell({ is: 'here' }); break
      case 'leave': this.leave(tell); break
      case 'want': member.want = ask.want; this.wanted(group); break
      case 'reopen': if (this.now() - group.dialled >= restMs[ask.why]) this.reopen(group)
    }
  }

  /** Call every few seconds: forgets pages that are gone, and what nobody wants any more. */
  sweep() {
    const now = this.now()
    for (const group of [...this.groups.values()]) {
      for (const [tell, m] of [...group.members]) if (now - m.seen > lostMs) { tell({ is: 'gone' }); this.leave(tell) }
      if (group.members.size && group.shrunk && now - group.shrunk > shrinkMs && this.address(group) !== group.asked) this.open(group)
    }
  }

  private of(tell: Tell) { return [...this.groups.values()].find((g) => g.members.has(tell)) }

  private join(tell: Tell, ask: Ask & { do: 'join' }) {
    const name = JSON.stringify([ask.who, ask.key])
    const group: Group = this.groups.get(name) ?? { key: ask.key, members: new Map(), asked: '', last: '', dialled: -Infinity, open: false, shrunk: 0 }
    this.groups.set(name, group)
    const member = { want: ask.want, seen: this.now(), live: false }
    group.members.set(tell, member)
    tell({ is: 'here' })
    if (!group.hang) this.open(group)
    else {
      this.wanted(group)
      if (group.open) { member.live = true; tell({ is: 'open' }) }
    }
  }

  private leave(tell: Tell) {
    for (const [name, group] of [...this.groups]) {
      if (!group.members.delete(tell)) continue
      if (group.members.size) this.wanted(group)
      else { group.hang?.(); this.groups.delete(name) }
    }
  }

  /** Opens anew when more is wanted than was asked for; that less is wanted waits for the sweep. */
  private wanted(group: Group) {
    const had = group.asked.split('&')
    if (this.address(group).split('&').every((pair) => !pair || had.includes(pair))) group.shrunk ||= this.now()
    else this.open(group)
  }

  /** What all pages of a group want together. */
  private address(group: Group): string {
    const query = new URLSearchParams()
    for (const name of ['site', 'device'] as const) {
      for (const value of new Set([...group.members.values()].map((m) => m.want[name]))) if (value) query.append(name, value)
    }
    query.sort()
    return query.toString()
  }

  /** The stream is dead, though it may not know: who hears of the next one has missed something. */
  private reopen(group: Group) {
    group.open = false
    for (const m of group.members.values()) m.live = false
    this.open(group)
  }

  private open(group: Group) {
    group.hang?.()
    group.asked = this.address(group)
    group.shrunk = 0
    group.dialled = this.now()
    const query = new URLSearchParams(group.asked)
    if (group.last && group.open) query.set('after', group.last) // nothing of the time between is missed
    if (group.key) query.set('k', group.key)
    const text = query.toString()
    const hang = this.dial('/api/v1/stream' + (text ? `?${text}` : ''), {
      open: () => {
        if (group.hang !== hang) return
        group.open = true
        for (const [tell, m] of group.members) if (!m.live) { m.live = true; tell({ is: 'open' }) }
      },
      broken: (closed) => {
        if (group.hang !== hang) return
        group.open = false
        for (const [tell, m] of group.members) { m.live = false; tell({ is: 'broken', closed }) }
      },
      event: (kind, data, id) => {
        if (group.hang !== hang) return
        if (id) group.last = id
        for (const tell of [...group.members.keys()]) tell({ is: 'event', kind, data })
      },
    })
    group.hang = hang
  }
}

/** A stream of the browser's own. */
export const dialSource: Dial = (address, heard) => {
  const source = new EventSource(address)
  source.onopen = () => heard.open()
  source.onerror = () => heard.broken(source.readyState === EventSource.CLOSED)
  for (const kind of kinds) source.addEventListener(kind, (event) => heard.event(kind, (event as MessageEvent<string>).data, (event as MessageEvent<string>).lastEventId))
  return () => source.close()
}
