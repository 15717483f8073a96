// What cameras saw (evidence/list.go). Times are Unix milliseconds.
import type { Text } from '../types'

export interface Clip {
  id: string; bundle: string; gateway: string; alert: string; kind: 'clip' | 'still'; camera: string; name: string
  type: string // media type with codec
  width: number; height: number; frames: number
  at: number; from: number; to: number // of the alert, the first and the last frame, by the gateway's clock
  camera_from?: number // of the first frame, by the camera's clock
  skew_ms?: number // the camera's clock minus the gateway's
  sha256: string; size: number
  state: 'uploading' | 'whole' | 'refused' | 'expired'
  percent: number; why?: Text
  holes: { from: number; to: number; reason: string }[] | null
  interrupted?: string
}

/** A part that a bundle should have and has not, as its gateway says. */
export interface MissingPart { bundle: string; part: string; why: string }
