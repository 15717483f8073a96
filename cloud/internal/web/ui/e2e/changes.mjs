// A live stream of its own: cells of a wall's sites that change so many times a second. The state that they tell is made up.
import http from 'node:http'
import { base } from './browser.mjs'

/** Serves a stream; answers its url, how much was sent, and close(). Pages of the demo may read it. */
export function changes(sites, perSecond) {
  let sent = 0
  const readers = new Set()
  const server = http.createServer((request, answer) => {
    answer.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'Access-Control-Allow-Origin': base })
    answer.write(': here\n\n')
    readers.add(answer)
    answer.on('close', () => readers.delete(answer))
  })
  const timer = setInterval(() => {
    if (!readers.size) return
    const site = sites[(sent * 37) % sites.length]
    const cell = { id: site.id, A: sent % 11 === 0 ? 1 : 0, B: sent % 5 === 0 ? 1 : 0, C: sent % 3 === 0 ? 1 : 0, off: sent % 7 === 0 }
    for (const reader of readers) reader.write(`event: cell\ndata: ${JSON.stringify(cell)}\n\n`)
    sent++
  }, 1000 / perSecond)
  return new Promise((ready) => server.listen(0, '127.0.0.1', () => ready({
    url: `http://127.0.0.1:${server.address().port}/`, sent: () => sent,
    close() { clearInterval(timer); for (const reader of readers) reader.destroy(); server.close() },
  })))
}
