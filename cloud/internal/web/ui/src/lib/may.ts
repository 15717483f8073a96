// Whether the reader may do something at a site. Who holds a right everywhere or nowhere is answered at once; for the others
// the site's place in the organisation is read.
import { computed, ref, watch, type ComputedRef } from 'vue'
import { org } from './api/org'
import { useLive } from './live'
import { can, canAt } from './session'
import type { Right } from './types'

/** site: undefined while nobody knows it; what is offered then, the server may refuse. */
export function useMay(right: Right, site: () => string | undefined): ComputedRef<boolean> {
  const path = ref<string[]>()
  async function read() {
    const id = site()
    path.value = undefined
    if (id === undefined || !can(right) || can(right, true)) return
    try {
      const { nodes } = await org.ofSite(id)
      if (site() === id) path.value = nodes.map((n) => n.id)
    } catch { /* nothing is offered that might be refused */ }
  }
  watch(site, () => void read(), { immediate: true })
  useLive('refetch', () => { if (!path.value) void read() })
  return computed(() => can(right, true) || (site() === undefined ? can(right) : !!path.value && canAt(right, path.value)))
}
