// Draws the mark for the start screens of phones: npm run icons, after a change of its shapes. The same shapes give the same
// points on every machine (test/icons.test.mjs); nothing but node is needed.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'

const blue = [0x1b, 0x5f, 0xbf], white = [0xff, 0xff, 0xff]

/** The mark in a box of 32 × 32: a diamond, which is an urgent alert's shape, and the eye that watches in it. */
const diamond = (x, y) => Math.abs(x - 16) + Math.abs(y - 16) <= 11
const eye = (x, y) => (x - 16) ** 2 + (y - 16) ** 2 <= 16
function rounded(x, y, r = 7) {
  const dx = Math.max(r - x, x - (32 - r), 0), dy = Math.max(r - y, y - (32 - r), 0)
  return dx * dx + dy * dy <= r * r
}

/** size in px; round: with corners of its own. Else the system cuts it to its shape, and the mark stays within the middle that no shape cuts. */
export const pictures = { 'icon-192.png': { size: 192, round: true }, 'icon-512.png': { size: 512, round: true }, 'icon-any-shape.png': { size: 512 }, 'icon-apple.png': { size: 180 } }

function colourAt(x, y, round) {
  if (round && !rounded(x, y)) return [0, 0, 0, 0]
  const [mx, my] = round ? [x, y] : [16 + (x - 16) / 0.8, 16 + (y - 16) / 0.8]
  return [...(diamond(mx, my) && !eye(mx, my) ? white : blue), 255]
}

/** The points of a picture, red green blue opacity; each is the mean of 4 × 4 within it. */
export function points({ size, round }) {
  const out = Buffer.alloc(size * size * 4), fine = 4
  for (let n = 0; n < size * size; n++) {
    let [r, g, b, a] = [0, 0, 0, 0]
    for (let k = 0; k < fine * fine; k++) {
      const c = colourAt(32 * (n % size + (k % fine + 0.5) / fine) / size, 32 * (Math.floor(n / size) + (Math.floor(k / fine) + 0.5) / fine) / size, round)
      r += c[0] * c[3]; g += c[1] * c[3]; b += c[2] * c[3]; a += c[3]
    }
    out.set(a ? [r / a, g / a, b / a, a / (fine * fine)].map(Math.round) : [0, 0, 0, 0], n * 4)
  }
  return out
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]), out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length)
  body.copy(out, 4)
  out.writeUInt32BE(crc32(body), body.length + 4)
  return out
}

export function png(size, pixels) {
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0, 0, 0]) // 8 bits of each, red green blue opacity
  head.writeUInt32BE(size)
  head.writeUInt32BE(size, 4)
  const lines = Array.from({ length: size }, (_, y) => Buffer.concat([Buffer.from([0]), pixels.subarray(y * size * 4, (y + 1) * size * 4)]))
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(lines), { level: 9 })), chunk('IEND', Buffer.alloc(0))])
}

if (process.argv[2] === 'draw') {
  for (const [name, how] of Object.entries(pictures)) writeFileSync(join(import.meta.dirname, 'public', name), png(how.size, points(how)))
}
