// How this screen shows the wall: kept on the screen itself; an address may say otherwise for once.
import { computed, onBeforeUnmount, onMounted, reactive, ref, watch } from 'vue'
import { now } from '../../lib/live'
import { route } from '../../lib/router'
import { session } from '../../lib/session'
import { hourMinute } from '../../lib/time'
import { canvasOf, rootSize, shift } from '../../lib/wall'

export interface Settings { distance: string; width: string; canvas: string; dim: 'auto' | 'on' | 'off' }

function kept(): Settings {
  const plain: Settings = { distance: '', width: '', canvas: '', dim: 'auto' }
  try { Object.assign(plain, JSON.parse(localStorage.getItem('wall') ?? '{}')) } catch { /* as if nothing was kept */ }
  for (const key of ['distance', 'width', 'canvas'] as const) plain[key] = route.query.get(key) ?? String(plain[key] ?? '')
  return plain
}

/** Sizes and dimming of the wall while it is open; the page's own root size comes back afterwards. */
export function useScreen() {
  const set = reactive(kept())
  const size = ref({ width: innerWidth, height: innerHeight })
  const resized = () => { size.value = { width: innerWidth, height: innerHeight } }
  const fixed = computed(() => canvasOf(set.canvas))
  const canvas = computed(() => fixed.value ?? size.value)
  const root = computed(() => rootSize(canvas.value, Number(set.distance) || 0, Number(set.width) || 0))
  const hour = computed(() => Number(hourMinute(now.value, session.zone).split(':')[0]))
  const dim = computed(() => set.dim === 'on' || (set.dim === 'auto' && (hour.value >= 22 || hour.value < 6)))
  const before = document.documentElement.style.fontSize
  watch(root, (px) => { document.documentElement.style.fontSize = `${px}px` }, { immediate: true })
  onMounted(() => addEventListener('resize', resized))
  onBeforeUnmount(() => { removeEventListener('resize', resized); document.documentElement.style.fontSize = before })
  const save = (to: Settings) => { Object.assign(set, to); localStorage.setItem('wall', JSON.stringify(to)) }
  return { set, fixed, canvas, root, dim, moved: computed(() => shift(hour.value)), save }
}
