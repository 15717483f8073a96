// The shared worker that holds the live stream of all pages of a browser.
import { dialSource, Exchange, type Ask } from './exchange'

const exchange = new Exchange(dialSource, () => Date.now())
self.addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0]
  if (!port) return
  const tell = (told: unknown) => port.postMessage(told)
  port.onmessage = (message: MessageEvent<Ask>) => exchange.hear(tell, message.data)
})
setInterval(() => exchange.sweep(), 5000)
