// A line between the browser and the server that can be cut, go dead without a word, and be mended.
import net from 'node:net'

/** Listens on a free port of this machine and carries bytes to the server of base. */
export async function line(base) {
  const target = new URL(base)
  const pairs = new Set()
  let state = 'up'
  const server = net.createServer((near) => {
    if (state === 'cut') { near.destroy(); return }
    const far = net.connect(Number(target.port || 80), target.hostname)
    const pair = { near, far }
    pairs.add(pair)
    const end = () => { near.destroy(); far.destroy(); pairs.delete(pair) }
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => { if (state !== 'dead') to.write(bytes) })
      from.on('close', end)
      from.on('error', end)
    }
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const drop = () => { for (const { near, far } of pairs) { near.destroy(); far.destroy() } }
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    /** Connections break and new ones are refused. */
    cut() { state = 'cut'; drop() },
    /** Nothing breaks, and nothing comes through any more. */
    die() { state = 'dead' },
    /** Works again, for new connections. */
    mend() { if (state === 'dead') drop(); state = 'up' },
    close() { drop(); server.close() },
  }
}
