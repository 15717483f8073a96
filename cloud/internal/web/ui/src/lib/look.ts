// A camera that is opened live for a minute: what comes is fragmented MP4, which the browser's own player takes piece by piece.
import { ApiError, address, part, refusal, send } from './api'
import type { LiveCamera } from './cameras'
import { t } from './i18n'

export interface Look { id: string; gateway: string; device: string; name: string; seconds: number }

const path = (c: { gateway: string; device: string }) => `/gateways/${part(c.gateway)}/cameras/${part(c.device)}/look`
export const openLook = (c: LiveCamera, reason: string) => send<Look>('POST', path(c), { reason })

/** The pictures of a look as they come. Nothing is answered before the first of them: a refusal is an ApiError. */
export async function pictures(l: Look, signal: AbortSignal): Promise<ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>> {
  let answer: Response
  try { answer = await fetch(address(`${path(l)}/${part(l.id)}`), { signal, credentials: 'same-origin', cache: 'no-store' }) } catch {
    throw new ApiError('network', 0, t('error.network'))
  }
  if (!answer.ok || !answer.body) throw refusal(answer.status, await answer.text())
  return answer.body.getReader()
}

const find = (b: Uint8Array, word: string) => {
  for (let at = 0; at + word.length <= b.length; at++) if ([...word].every((c, n) => b[at + n] === c.charCodeAt(0))) return at
  return -1
}
const hex = (n: number) => n.toString(16).padStart(2, '0')

/** The codec of a file's beginning as RFC 6381 has it; undefined: not enough of it is here, or it is none that is known. */
export function codecOf(b: Uint8Array): string | undefined {
  const avc = find(b, 'avcC')
  if (avc >= 0 && avc + 8 <= b.length) return `avc1.${[...b.subarray(avc + 5, avc + 8)].map(hex).join('')}`
  const hevc = find(b, 'hvcC')
  if (hevc < 0 || hevc + 17 > b.length) return undefined
  const c = b.subarray(hevc + 5), first = c[0] ?? 0
  let compatible = 0
  for (let bit = 0; bit < 32; bit++) if ((c[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) compatible += 2 ** bit
  const limits = [...c.subarray(5, 11)]
  while (limits.length && !limits[limits.length - 1]) limits.pop()
  return ['hvc1', `${['', 'A', 'B', 'C'][first >> 6]}${first & 31}`, compatible.toString(16).toUpperCase(), `${first & 32 ? 'H' : 'L'}${c[11]}`, ...limits.map((n) => n.toString(16).toUpperCase())].join('.')
}

/** How many bytes the beginning of a file has, up to the end of its moov; undefined: it is not whole. */
export function beginning(b: Uint8Array): number | undefined {
  const view = new DataView(b.buffer, b.byteOffset, b.byteLength)
  for (let at = 0; at + 8 <= b.length;) {
    const size = view.getUint32(at), end = at + size
    if (size < 8 || end > b.length) return undefined
    if (String.fromCharCode(...b.subarray(at + 4, at + 8)) === 'moov') return end
    at = end
  }
  return undefined
}

const late = 2, kept = 10 // seconds that the player may be behind what has come; of what was shown

const event = (on: EventTarget, name: string, signal: AbortSignal) => new Promise<void>((done) => {
  if (signal.aborted) done()
  signal.addEventListener('abort', () => done(), { once: true })
  on.addEventListener(name, () => done(), { once: true })
})

/** Feeds a player until the look is over. begun is called with the first picture. Throws what the server or the browser refuses. */
export async function play(l: Look, video: HTMLVideoElement, signal: AbortSignal, begun: () => void): Promise<void> {
  const source = new MediaSource(), url = URL.createObjectURL(source)
  video.src = url
  try {
    await event(source, 'sourceopen', signal)
    const reader = await pictures(l, signal)
    let head = new Uint8Array(0), buffer: SourceBuffer | undefined
    for (;;) {
      const { done, value } = await reader.read()
      if (done || signal.aborted) return
      let data = value
      if (!buffer) {
        const both = new Uint8Array(head.length + value.length)
        both.set(head)
        both.set(value, head.length)
        head = data = both
        if (beginning(both) === undefined) continue
        const codec = codecOf(both), type = `video/mp4; codecs="${codec}"`
        if (!codec || !MediaSource.isTypeSupported(type)) throw new Unplayable(codec ?? '?')
        buffer = source.addSourceBuffer(type)
        buffer.mode = 'sequence' // pictures that were left out leave no hole to wait at
        begun()
      }
      await append(buffer, data, video, signal)
    }
  } catch (e) {
    if (!signal.aborted) throw e
  } finally {
    URL.revokeObjectURL(url)
  }
}

/** The browser cannot play what the camera sends. */
export class Unplayable extends Error {}

async function append(buffer: SourceBuffer, data: Uint8Array<ArrayBuffer>, video: HTMLVideoElement, signal: AbortSignal) {
  const ready = event(buffer, 'updateend', signal)
  buffer.appendBuffer(data)
  await ready
  const n = buffer.buffered.length
  if (signal.aborted || !n) return
  const end = buffer.buffered.end(n - 1)
  if (end - video.currentTime > late) video.currentTime = end - 0.3
  if (video.currentTime - buffer.buffered.start(0) > 2 * kept) {
    const gone = event(buffer, 'updateend', signal)
    buffer.remove(0, video.currentTime - kept)
    await gone
  }
}
