// Decides whether the live stream is alive. Pure: times in, decisions out; live.ts carries them out.
//
// A browser's EventSource shows no comments, so the server's heartbeat cannot be seen, and a line that died silently
// looks open for minutes. So after 5 s without any event the watchdog asks for a ping; without any sign of life for 9 s,
// or with the stream broken for 3 s, the connection is lost and the page says so.

export type LiveState = 'connecting' | 'live' | 'lost'
export type Advice = 'ping' | 'reopen' | undefined

export const quietMs = 5000
export const silentMs = 9000
export const brokenMs = 3000
const pingEveryMs = 4000
const reopenClosedMs = 2000
const reopenStuckMs = 8000

export class Watchdog {
  state: LiveState = 'connecting'
  /** The last sign of life. */
  alive: number
  private brokenSince: number | undefined
  private pinged = -Infinity
  private attempted: number

  constructor(now: number) {
    this.alive = now
    this.attempted = now
    this.brokenSince = now
  }

  /** The stream is open. */
  opened(now: number) {
    this.brokenSince = undefined
    this.sign(now)
    this.state = 'live'
  }

  /** Something came from the server: an event or the answer to a ping. */
  sign(now: number) { this.alive = now }

  /** The stream reported an error. */
  failed(now: number) { this.brokenSince ??= now }

  /** A new stream was started. */
  reopened(now: number) {
    this.attempted = now
    this.brokenSince ??= now
  }

  /** Call once a second. closed: the browser has given this stream up and will not try again by itself. */
  tick(now: number, closed: boolean): Advice {
    const silent = now - this.alive >= silentMs
    const broken = this.brokenSince !== undefined && now - this.brokenSince >= brokenMs
    if (silent || broken) this.state = 'lost'
    if (this.state === 'lost' || closed) {
      if (now - this.attempted >= (closed ? reopenClosedMs : reopenStuckMs)) return 'reopen'
      return undefined
    }
    if (now - this.alive >= quietMs && now - this.pinged >= pingEveryMs) {
      this.pinged = now
      return 'ping'
    }
    return undefined
  }
}
