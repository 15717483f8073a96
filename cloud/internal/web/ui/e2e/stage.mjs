// The pages of the running demo before a server that plays what a test wants: fixed data at a fixed time, a stream that can
// fall silent. What is played is as the API would say it.
import http from 'node:http'
import { base } from './browser.mjs'

/** 22:41:06 in Shanghai. */
export const T0 = Date.UTC(2026, 10, 22, 14, 41, 6)
const both = (zh, en) => ({ zh, en })

/** An incident with its usual parts. */
export function incident(id, over = {}) {
  const since = over.since ?? T0 - 42_000
  return {
    id, site: 'jinxiu', siteName: '锦绣花园', gateway: 'gw-1', device: 'gas-1802', deviceName: '1802 厨房燃气探测器', place: '3栋2单元 1802 厨房', severity: 'A',
    title: both('燃气高报', 'Gas high alarm'), message: both('燃气泄漏', 'Gas leak'), condition: 'active', handling: 'open', since, deadline: since + 180_000, rule: 'R16', shadow: false,
    value: { point: 'level', unit: '%LEL', value: 32, limit: 25, above: true },
    step: 'reported', stepAt: since, source: 'sensor', category: 'danger', whistle: 1, alertCount: 1, ...over,
  }
}
const detailOf = (i) => ({ ...i, why: both('浓度 32 %LEL，高于 25 %LEL', '32 %LEL, above 25 %LEL'), evidence: [], card: [both('关阀', 'Close the valve')], timeline: [{ at: i.since, kind: 'fired', text: both('触发', 'fired') }], alerts: [], steps: [], photos: [], next: [{ deed: 'take', text: both('接警', 'Take') }], answers: { whistle: 1, text: both('网格员', 'grid worker') }, timezone: 'Asia/Shanghai', ...i.detail })

/** Plays incidents and a wall; said: the deeds that pages sent; refused: what is said to deeds of some. die() answers nothing any more, live() does again. */
export async function stage({ incidents = [], wall } = {}) {
  const play = { incidents, now: T0, said: [], refused: {}, dead: false, streams: new Set() }
  const target = new URL(base)
  const answers = (path, query) => {
    const page = (list) => ({ incidents: list, counts: { open: play.incidents.filter((i) => i.handling === 'open').length, handling: play.incidents.filter((i) => i.handling === 'handling').length, closed: 0 }, now: play.now })
    if (path === '/session') return { user: { name: '李敏', role: 'operator' }, rights: Object.fromEntries(['see', 'take', 'work', 'dispatch'].map((r) => [r, ['']])), demo: false, now: play.now, version: '1', timezone: 'Asia/Shanghai' }
    if (path === '/incidents') return page(play.incidents.filter((i) => !query.get('handling') || i.handling === query.get('handling')))
    if (path === '/sites') return { sites: query.size ? [] : [{ id: 'jinxiu', name: '锦绣花园', gateway: 'gw-1', online: true, lastSeen: play.now, open: { A: 1, B: 0, C: 0 }, devices: { total: 14, good: 14, bad: 0 } }] }
    if (path === '/modes') return { emergencies: [] }
    if (path === '/orders') return { orders: [] }
    if (path === '/wall' && wall) return { ...wall, at: play.now }
    const one = play.incidents.find((i) => path === `/incidents/${i.id}`)
    return one && detailOf(one)
  }
  const json = (answer, status, body) => { answer.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }); answer.end(JSON.stringify(body)) }
  const deed = (request, answer, path) => {
    const [, , id, name] = path.split('/')
    play.said.push({ id, name, key: request.headers['idempotency-key'] })
    const one = play.incidents.find((i) => i.id === id)
    if (play.refused[id]) { json(answer, 409, { code: 'refused', message: play.refused[id] }); return }
    if (one && name === 'take') Object.assign(one, { handling: 'handling', takenBy: '李敏', takenAt: play.now })
    json(answer, one ? 200 : 404, one ? detailOf(one) : { code: 'not_found' })
  }
  const server = http.createServer((request, answer) => {
    if (play.dead) { request.socket.destroy(); return }
    const url = new URL(request.url, base)
    if (url.pathname === '/api/v1/stream') {
      answer.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      answer.write('event: ping\ndata: {}\n\n')
      play.streams.add(answer)
      answer.on('close', () => play.streams.delete(answer))
    } else if (url.pathname.startsWith('/api/v1/')) {
      const path = url.pathname.slice('/api/v1'.length)
      if (request.method === 'POST') { deed(request, answer, path); return }
      const body = answers(path, url.searchParams)
      json(answer, body ? 200 : 404, body ?? { code: 'not_found', message: 'not played' })
    } else {
      const far = http.request({ host: target.hostname, port: target.port, path: request.url, headers: { ...request.headers, host: target.host } }, (from) => { answer.writeHead(from.statusCode, from.headers); from.pipe(answer) })
      far.on('error', () => answer.destroy())
      far.end()
    }
  })
  const beat = setInterval(() => { for (const s of play.streams) s.write('event: ping\ndata: {}\n\n') }, 1000)
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  for (const lasting of [server, beat]) lasting.unref() // a test that failed did not close it
  return Object.assign(play, {
    base: `http://127.0.0.1:${server.address().port}`,
    die() { play.dead = true; for (const s of play.streams) s.destroy(); server.closeAllConnections() },
    live() { play.dead = false },
    close() { clearInterval(beat); play.die(); server.close() },
  })
}

/** A wall of 3 communities with 20 sites each, of which a few are not normal. */
export function wallOf(queue) {
  const groups = ['云枫路社区', '河湾社区', '桂苑社区'].map((name, n) => ({ id: `c${n}`, name }))
  const odd = { 3: { A: 1 }, 17: { B: 1 }, 24: { C: 2 }, 31: { off: true, t: T0 - 3_600_000 }, 48: { m: 1 }, 55: { never: true } }
  return {
    at: T0, groups, elsewhere: { id: '' }, queue, barsFrom: T0 - 24 * 3_600_000, emergencies: [],
    sites: Array.from({ length: 60 }, (_, n) => ({ id: `s${n}`, n: `小区 ${n + 1}`, g: `c${Math.floor(n / 20)}`, ...odd[n] })),
    numbers: { counts: { open: queue.length, handling: 1, closed: 7 }, closedToday: 7, takeMs: 108_000, taken: 9 },
    bars: Array.from({ length: 24 }, (_, n) => ({ A: n % 11 === 0 ? 1 : 0, B: n % 5 === 0 ? 2 : 0, C: n % 3 })),
  }
}
