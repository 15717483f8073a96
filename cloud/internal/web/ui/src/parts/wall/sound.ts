// Two short tones for a new incident of severity A. Browsers let a page sound only after a click: so one click turns it on.
import { onBeforeUnmount, ref } from 'vue'

export function useSound() {
  const on = ref(false)
  let context: AudioContext | undefined
  function tone(at: number, pitch: number) {
    if (!context) return
    const source = context.createOscillator()
    const level = context.createGain()
    source.frequency.value = pitch
    level.gain.setValueAtTime(0.25, at)
    level.gain.exponentialRampToValueAtTime(0.001, at + 0.5)
    source.connect(level).connect(context.destination)
    source.start(at)
    source.stop(at + 0.5)
  }
  function play() {
    if (!on.value || !context) return
    tone(context.currentTime, 880)
    tone(context.currentTime + 0.55, 660)
  }
  async function toggle() {
    if (on.value) { on.value = false; return }
    context ??= new AudioContext()
    await context.resume()
    on.value = true
    play()
  }
  onBeforeUnmount(() => void context?.close())
  return { on, toggle, play }
}
