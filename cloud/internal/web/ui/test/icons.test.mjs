import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inflateSync } from 'node:zlib'
import { pictures, points } from '../icons.mjs'

const folder = join(process.cwd(), 'public')
const read = (name) => readFileSync(join(folder, name))

/** The points of a PNG as icons.mjs writes them: one block, no filter. */
function drawn(name) {
  const file = read(name)
  const size = file.readUInt32BE(16)
  assert.deepEqual([file.readUInt32BE(20), file[24], file[25]], [size, 8, 6], `${name} is square, with opacity`)
  const lines = inflateSync(file.subarray(41, 41 + file.readUInt32BE(33)))
  return { size, pixels: Buffer.concat(Array.from({ length: size }, (_, y) => lines.subarray(y * (size * 4 + 1) + 1, (y + 1) * (size * 4 + 1)))) }
}

test('the icons are what the shapes draw: run npm run icons after a change', () => {
  for (const [name, how] of Object.entries(pictures)) {
    const { size, pixels } = drawn(name)
    assert.equal(size, how.size, name)
    assert.ok(pixels.equals(points(how)), `${name} is drawn otherwise`)
    const corner = pixels[3]
    assert.equal(corner, how.round ? 0 : 255, `${name}: a phone that cuts its own shape needs every corner`)
  }
})

test('the manifest names icons that are there, in their size, pages that are there and the colours of the pages', () => {
  const manifest = JSON.parse(read('manifest.webmanifest'))
  for (const icon of manifest.icons) {
    assert.ok(existsSync(join(folder, icon.src)), icon.src)
    if (icon.type === 'image/png') assert.equal(icon.sizes, `${drawn(icon.src.slice(1)).size}x${drawn(icon.src.slice(1)).size}`)
  }
  assert.deepEqual([...new Set(manifest.icons.map((i) => i.purpose))], ['any', 'maskable'])
  const page = readFileSync(join(folder, '../index.html'), 'utf8')
  for (const link of page.matchAll(/<link rel="(?:manifest|apple-touch-icon)" href="([^"]+)"/g)) assert.ok(existsSync(join(folder, link[1])), link[1])
  assert.equal([...page.matchAll(/<link rel="(manifest|apple-touch-icon)"/g)].length, 2)
  const tokens = readFileSync(join(folder, '../src/style/tokens.css'), 'utf8')
  assert.equal(manifest.theme_color, /--bg: (#\w+)/.exec(tokens)[1])
  for (const colour of [...tokens.matchAll(/--bg: (#\w+)/g)].map((m) => m[1])) assert.ok(page.includes(colour), `no theme-color ${colour}`)
  const table = readFileSync(join(folder, '../src/lib/pages.ts'), 'utf8')
  for (const { url, name } of [...manifest.shortcuts, { url: manifest.start_url, name: '待办' }]) assert.ok(table.includes(`path: '${url}', zh: '${name}'`), `${name} ${url}`)
})
