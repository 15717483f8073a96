// The beginning of a camera's live pictures: where it ends, and what its codec is called.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lacking } from '../src/lib/clips.ts'
import { beginning, codecOf } from '../src/lib/look.ts'

const box = (kind, ...parts) => {
  const body = parts.flatMap((p) => (typeof p === 'string' ? [...p].map((c) => c.charCodeAt(0)) : p))
  const size = body.length + 8
  return [size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255, ...[...kind].map((c) => c.charCodeAt(0)), ...body]
}

test('the beginning ends with its moov, and is waited for', () => {
  const whole = Uint8Array.from([...box('ftyp', 'isom'), ...box('moov', box('avcC', [1, 0x64, 0, 0x1f])), ...box('moof', [1, 2])])
  assert.equal(beginning(whole), 12 + 20)
  assert.equal(beginning(whole.subarray(0, 31)), undefined)
  assert.equal(beginning(Uint8Array.from([0, 0, 0, 3, 1, 2, 3, 4])), undefined)
})

test('a codec has its name of RFC 6381', () => {
  assert.equal(codecOf(Uint8Array.from(box('avcC', [1, 0x64, 0x00, 0x1f]))), 'avc1.64001f')
  assert.equal(codecOf(Uint8Array.from(box('hvcC', [1, 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93]))), 'hvc1.1.6.L93.90')
  assert.equal(codecOf(Uint8Array.from(box('free'))), undefined)
})

test('what is missing is told once: a still is not where its clip is missing too', () => {
  const all = ['clip-cam-1.mp4', 'still-cam-1-0s.mp4', 'still-cam-2-10s.mp4', 'readings.csv'].map((part) => ({ bundle: 'b', part, why: 'no room' }))
  assert.deepEqual(lacking(all).map((m) => [m.kind, m.camera]), [['clip', 'cam-1'], ['still', 'cam-2'], ['readings', '']])
})
