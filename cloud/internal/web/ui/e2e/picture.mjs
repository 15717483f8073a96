// Compares a picture of a page with the one that was looked at: LOOKED=1 takes the new one as the one that was looked at.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'pictures')

/** The share of points, in percent, that differ visibly from the picture of this name; 0 when it was just taken as right. */
export async function differs(browser, name, png) {
  const file = join(folder, `${name}.png`)
  if (process.env.LOOKED === '1' && !existsSync(file)) { mkdirSync(folder, { recursive: true }); writeFileSync(file, png); return 0 }
  const page = await browser.newPage()
  const share = await page.evaluate(async ([a, b]) => {
    const points = async (data) => {
      const image = new Image()
      image.src = 'data:image/png;base64,' + data
      await image.decode()
      const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
      const to = canvas.getContext('2d')
      to.drawImage(image, 0, 0)
      return to.getImageData(0, 0, image.width, image.height)
    }
    const [one, two] = [await points(a), await points(b)]
    if (one.width !== two.width || one.height !== two.height) return 100
    let other = 0
    for (let n = 0; n < one.data.length; n += 4) {
      if (Math.abs(one.data[n] - two.data[n]) + Math.abs(one.data[n + 1] - two.data[n + 1]) + Math.abs(one.data[n + 2] - two.data[n + 2]) > 60) other++
    }
    return (100 * other) / (one.data.length / 4)
  }, [readFileSync(file).toString('base64'), png.toString('base64')])
  await page.close()
  return share
}
