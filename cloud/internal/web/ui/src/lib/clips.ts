// What cameras saw at an incident: one view per camera and alert, with the moving and the still picture. Pure.
import { address, part } from './api'
import type { Clip, MissingPart } from './types/clips'

export const pictureAddress = (c: Clip) => address(`/clips/${part(c.id)}/${c.kind === 'clip' ? 'video' : 'still'}`)
export const bundleAddress = (c: Clip) => address(`/evidence/${part(c.bundle)}`)

/** What is worth a line of what is missing: a still is not, where its camera's clip is missing too. */
export function lacking(all: MissingPart[]): { key: string; kind: 'clip' | 'still' | 'readings'; camera: string; why: string }[] {
  const of = all.map((m) => {
    const [, kind = '', camera = ''] = /^(clip|still)-(.*?)(?:-\d+s)?\.mp4$/.exec(m.part) ?? []
    return { key: m.bundle + m.part, kind: (kind === 'clip' || kind === 'still' ? kind : 'readings') as 'clip' | 'still' | 'readings', camera, why: m.why, bundle: m.bundle }
  })
  return of.filter((m) => m.kind !== 'still' || !of.some((c) => c.kind === 'clip' && c.camera === m.camera && c.bundle === m.bundle))
}

export interface View { key: string; clip?: Clip; stills: Clip[]; first: Clip }

/** One view per camera of a bundle, in the order of the list; a second clip of the same camera is a view of its own. */
export function views(clips: Clip[]): View[] {
  const out: View[] = []
  for (const c of clips) {
    let at = out.find((v) => v.first.bundle === c.bundle && v.first.camera === c.camera && (c.kind === 'still' || !v.clip))
    if (!at) out.push(at = { key: c.id, stills: [], first: c })
    if (c.kind === 'clip') at.clip = c
    else at.stills.push(c)
  }
  for (const v of out) v.stills.sort((a, b) => a.from - b.from)
  return out
}

/** How many seconds after the alert a still was taken. */
export const after = (c: Pick<Clip, 'at' | 'from'>) => Math.max(0, Math.round((c.from - c.at) / 1000))

/** Seconds before and after the alert that a clip shows; a clip that begins later than the alert has none before. */
export const around = (c: Pick<Clip, 'at' | 'from' | 'to'>) => ({ before: Math.max(0, Math.round((c.at - c.from) / 1000)), after: Math.max(0, Math.round((c.to - c.at) / 1000)) })

/** How far the camera's clock is off, in seconds with one decimal; undefined: it did not say, or is right. */
export function skew(c: Pick<Clip, 'skew_ms'>): { ahead: boolean; s: string } | undefined {
  if (c.skew_ms === undefined || Math.abs(c.skew_ms) < 500) return undefined
  return { ahead: c.skew_ms > 0, s: (Math.abs(c.skew_ms) / 1000).toFixed(1) }
}
