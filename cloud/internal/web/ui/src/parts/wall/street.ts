// What the wall shows: a snapshot of one moment, the single changes that the stream tells, and a little after a change the
// snapshot again, so that what was missed heals. Hundreds of cells are no reactive objects: a change makes the one cell new
// that it is about, and all changes of a quarter of a second are drawn together.
import { markRaw, onBeforeUnmount, onMounted } from 'vue'
import { get } from '../../lib/api'
import { live, useLive } from '../../lib/live'
import { useLoad, type Loaded } from '../../lib/load'
import type { Incident } from '../../lib/types'
import type { Cell, Wall } from '../../lib/types/wall'
import { alarms, moved, settled, told } from '../../lib/wall'

const heals = 3000 // after the last change; at the latest so long after the first
const together = 240 // ms from one drawing to the next: the server tells four times a second

/** The wall's data while the page is open; alarm is called for each incident that begins with severity A or rises to it. */
export function useStreet(alarm: () => void): Loaded<Wall> {
  const box: Loaded<Wall> = useLoad(async () => { const fresh = await get<Wall>('/wall'); return markRaw(box.data ? settled(box.data, fresh) : fresh) })
  let soon: ReturnType<typeof setTimeout> | undefined
  function heal() { soon ??= setTimeout(() => { soon = undefined; void box.load() }, heals) }
  let minute: ReturnType<typeof setInterval> | undefined // the bars move on by the clock, also when nothing happens
  onMounted(() => { minute = setInterval(() => { if (live.state === 'live') heal() }, 60_000) })

  let timer: ReturnType<typeof setTimeout> | undefined, frame = 0, drawn = 0
  const cells = new Map<string, Cell>(), incidents = new Map<string, Incident>()
  function draw() {
    timer = undefined
    drawn = performance.now()
    if (box.data) box.data = markRaw([...incidents.values()].reduce(moved, told(box.data, cells)))
    cells.clear()
    incidents.clear()
  }
  function changed() {
    timer ??= setTimeout(() => { frame = requestAnimationFrame(draw) }, Math.max(0, drawn + together - performance.now()))
    heal()
  }
  onBeforeUnmount(() => { clearTimeout(soon); clearInterval(minute); clearTimeout(timer); cancelAnimationFrame(frame) })

  const alarming = alarms()
  useLive('cell', (cell) => { cells.set(cell.id, cell); changed() })
  useLive('incident', (i) => {
    if (alarming(i, box.data?.at ?? Infinity, box.data?.queue.find((q) => q.id === i.id)?.severity)) alarm()
    incidents.set(i.id, i)
    changed()
  })
  useLive('mode', heal)
  return box
}
