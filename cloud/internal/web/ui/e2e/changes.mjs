// The demo behind another address, with a live stream of its own there: cells of a wall's sites that change so many times a
// second, in frames as the server sends them, four a second. The state that they tell is made up.
import http from 'node:http'
import { base } from './browser.mjs'

/** Answers the base of the pages, how many changes were sent, the last grave one of them, and close(). */
export function changes(sites, perSecond) {
  let sent = 0
  const readers = new Set()
  const target = new URL(base)
  const server = http.createServer((request, answer) => {
    if (request.url.startsWith('/api/v1/stream')) {
      answer.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      answer.write(': here\n\n')
      readers.add(answer)
      answer.on('close', () => readers.delete(answer))
      return
    }
    const far = http.request({ host: target.hostname, port: target.port, path: request.url, method: request.method, headers: { ...request.headers, host: target.host } }, (from) => {
      answer.writeHead(from.statusCode, from.headers)
      from.pipe(answer)
    })
    far.on('error', () => answer.destroy())
    request.pipe(far)
  })
  const frames = 4
  let last, from = 0
  const timer = setInterval(() => {
    if (!readers.size) return
    from ||= Date.now() - 1000 / frames
    let frame = ''
    for (const due = Math.floor((Date.now() - from) / 1000 * perSecond); sent < due; sent++) { // also after a timer that came late
      const site = sites[(sent * 37) % sites.length]
      const cell = { id: site.id, A: sent % 11 === 0 ? 1 : 0, B: sent % 5 === 0 ? 1 : 0, C: sent % 3 === 0 ? 1 : 0, off: sent % 7 === 0 }
      if (cell.A || cell.B) last = { id: cell.id, state: cell.A ? 'A' : 'B' }
      frame += `event: cell\ndata: ${JSON.stringify(cell)}\n\n`
    }
    for (const reader of readers) reader.write(frame)
  }, 1000 / frames)
  return new Promise((ready) => server.listen(0, '127.0.0.1', () => ready({
    base: `http://127.0.0.1:${server.address().port}`, sent: () => sent, last: () => last,
    close() { clearInterval(timer); for (const reader of readers) reader.destroy(); server.close(); server.closeAllConnections() },
  })))
}
