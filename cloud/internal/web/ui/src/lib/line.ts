// The page's end of the one live stream of the browser: through a shared worker; where there is none, or it does not answer,
// through a stream of the page's own.
import type { Ask, Told } from './exchange'

export const shared = typeof SharedWorker !== 'undefined'
const answerMs = 8000 // the worker's script may come over a slow line

/** A line to the stream: ask() says something, hang() ends it for good. */
export interface Line { ask(ask: Ask): void; hang(): void }

/** Connects; what is asked before the other end is known is kept for it. */
export function connect(hear: (told: Told) => void): Line {
  let send: ((ask: Ask) => void) | undefined
  let waiting: Ask[] = []
  let ended = false
  let sweeping: ReturnType<typeof setInterval> | undefined
  const said = (ask: Ask) => { if (send) send(ask); else waiting.push(ask) }
  const to = (how: (ask: Ask) => void) => { send = how; for (const ask of waiting.splice(0)) how(ask) }
  if (!shared) void own()
  else through()
  return { ask: said, hang: () => { said({ do: 'leave' }); ended = true; clearInterval(sweeping) } }

  /** The worker has what was asked until it turns out that it is none. */
  function through() {
    const kept: Ask[] = []
    let answered = false
    const worker = new SharedWorker(new URL('./liveworker.ts', import.meta.url), { name: 'live' })
    const port = worker.port
    const giveUp = () => { clearTimeout(timer); if (answered || ended) return; answered = true; port.close(); send = undefined; waiting = kept; void own() }
    const timer = setTimeout(giveUp, answerMs)
    worker.onerror = giveUp
    port.onmessage = (message: MessageEvent<Told>) => { answered = true; clearTimeout(timer); if (!ended) hear(message.data) }
    to((ask) => { if (!answered) kept.push(ask); port.postMessage(ask) })
  }

  async function own() {
    const { Exchange, dialSource } = await import('./exchange')
    const exchange = new Exchange(dialSource, () => Date.now())
    const tell = (told: Told) => { if (!ended) hear(told) }
    to((ask) => exchange.hear(tell, ask))
    if (!ended) sweeping = setInterval(() => exchange.sweep(), 5000)
  }
}
