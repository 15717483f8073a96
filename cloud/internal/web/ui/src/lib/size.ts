// How large a box is on the screen.
import { onBeforeUnmount, onMounted, type Ref } from 'vue'

/** Calls tell with the box once it is there and whenever its size has changed, for as long as the component lives. */
export function onSize<E extends Element>(box: Ref<E | undefined>, tell: (box: E) => void) {
  const told = () => { if (box.value) tell(box.value) }
  const watcher = new ResizeObserver(told)
  onMounted(() => { told(); if (box.value) watcher.observe(box.value) })
  onBeforeUnmount(() => watcher.disconnect())
}
