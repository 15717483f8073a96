// A phone's photo is 4 MB; what proves something has 1600 pixels and 300 kB. Its place and camera do not leave the phone.
const longest = 1600

/** Size within the longest side. Pure. */
export function fit(width: number, height: number, most = longest): { width: number; height: number } {
  const by = Math.min(1, most / Math.max(width, height, 1))
  return { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) }
}

/** The photo as a small JPEG, and as an address to show it (data:, which the page's policy allows). */
export async function shrink(file: Blob): Promise<{ blob: Blob; url: string }> {
  const image = await load(await asURL(file))
  const size = fit(image.naturalWidth, image.naturalHeight)
  const canvas = document.createElement('canvas')
  canvas.width = size.width
  canvas.height = size.height
  canvas.getContext('2d')!.drawImage(image, 0, 0, size.width, size.height)
  const url = canvas.toDataURL('image/jpeg', 0.82)
  return { blob: fromURL(url), url }
}

/** The bytes of a data: address of ours. */
export function fromURL(url: string): Blob {
  const bytes = atob(url.slice(url.indexOf(',') + 1))
  const out = new Uint8Array(bytes.length)
  for (let n = 0; n < bytes.length; n++) out[n] = bytes.charCodeAt(n)
  return new Blob([out], { type: 'image/jpeg' })
}

function asURL(file: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader()
    reader.onload = () => done(reader.result as string)
    reader.onerror = () => failed(reader.error)
    reader.readAsDataURL(file)
  })
}

function load(url: string): Promise<HTMLImageElement> {
  return new Promise((done, failed) => {
    const image = new Image()
    image.onload = () => done(image)
    image.onerror = () => failed(new Error('no image'))
    image.src = url
  })
}
