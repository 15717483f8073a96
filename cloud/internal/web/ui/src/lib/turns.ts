// The order of answers. Pure.

/**
 * Call it when a question goes out; what it gives says, when the answer is there, whether it still counts: not when the
 * answer to a later question was there before, and not when the page asks about something else by now.
 */
export function turns(about: () => string = () => ''): () => () => boolean {
  let asked = 0, settled = 0
  return () => {
    const mine = ++asked, what = about()
    return () => {
      if (mine < settled || what !== about()) return false
      settled = mine
      return true
    }
  }
}
