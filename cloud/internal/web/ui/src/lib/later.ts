// Parts and pages that are loaded when they are shown.
import { defineAsyncComponent, type Component } from 'vue'
import { sharedReady } from './i18n'

/** A part whose script comes when it is first shown, with its words; failed: what stands in its place when they cannot come. */
export const later = <T extends Component>(load: () => Promise<{ default: T }>, failed?: Component) => defineAsyncComponent({ loader: () => whole(load), errorComponent: failed, delay: 0 })

/** What was loaded, once the words that it shares with others are there. */
export async function whole<T>(load: () => Promise<T>): Promise<T> {
  const loaded = await load()
  await sharedReady()
  return loaded
}
