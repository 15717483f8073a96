// Parts far down a page.
import { createVNode, defineAsyncComponent, type Component } from 'vue'
import { whole } from './later'

/** A part whose script comes when its place is nearly in sight: who does not go there does not pay for it. */
export function nearby<T extends Component>(load: () => Promise<{ default: T }>) {
  let come = () => {}
  const near = new Promise<void>((now) => { come = now })
  const sight = new IntersectionObserver((seen) => { if (seen.some((e) => e.isIntersecting)) { come(); sight.disconnect() } }, { rootMargin: '300px' })
  const place = () => createVNode('div', { 'data-part': 'coming', onVnodeMounted: (v: { el: unknown }) => sight.observe(v.el as Element) })
  return defineAsyncComponent({ loader: () => near.then(() => whole(load)), loadingComponent: place, delay: 0 })
}
