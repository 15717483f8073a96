// What a gateway is asked now: the last frames of a device, and a trial read. What was answered stays until the page is loaded anew.
import { part, send } from './api'
import type { Text } from './types'

export interface RawFrame { at: number; out: string; in: string; tookMs: number; reason?: string; refusal?: number; cut?: boolean }
export interface Frames { at: number; frames: RawFrame[] }
export interface TrialValue { point: string; unit?: string; value: number | null; label?: string; quality: string; reason?: string; raw?: string; register?: string; human?: string; type?: string; tookMs: number; shows?: string; why?: Text }
export interface Trial { at: number; model: string; channel: string; address: string; points: TrialValue[]; hints: Text[] }
export interface Finding { area: Text; subject?: string; level: 'ok' | 'warning' | 'problem'; said: Text; next: Text[] }
/** bundle: a zip in base64. */
export interface Diagnosis { at: number; findings: Finding[]; bundle?: string }

/** A gateway may take a minute, and the cloud some seconds to reach it. */
const patienceMs = 75_000
const path = (gateway: string, device: string, what: string) => `/gateways/${part(gateway)}/devices/${part(device)}/${what}`

export const askFrames = (gateway: string, device: string) => send<Frames>('POST', path(gateway, device, 'frames'), undefined, patienceMs)
export const askTrial = (gateway: string, device: string, shown: Record<string, number>) => send<Trial>('POST', path(gateway, device, 'trial'), { shown }, patienceMs)

export const askDoctor = (gateway: string, lines: boolean, bundle: boolean) => send<Diagnosis>('POST', `/gateways/${part(gateway)}/diagnosis`, { lines, bundle }, patienceMs)

/** The doctor's lines, the gravest first, each level as the doctor has it; and how many there are of each. */
export function gravest(findings: Finding[]): { list: Finding[]; problems: number; warnings: number } {
  const rank = { problem: 0, warning: 1, ok: 2 }
  const of = (level: Finding['level']) => findings.filter((f) => f.level === level).length
  return { list: findings.map((f, i) => ({ f, i })).sort((a, b) => rank[a.f.level] - rank[b.f.level] || a.i - b.i).map((x) => x.f), problems: of('problem'), warnings: of('warning') }
}

/** The bytes of a bundle. */
export const unpacked = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))

/** Milliseconds as people read them: a quick answer is not 0. */
export const msText = (ms: number) => (ms < 0.1 ? '< 0.1' : ms < 10 ? ms.toFixed(1) : String(Math.round(ms)))

/** What was answered last, by gateway and device: a page that is opened again shows it, with its time. */
interface Kept { frames?: Frames; trial?: Trial; diagnosis?: Diagnosis }
export const answered = new Map<string, Kept>()
export function keep(key: string, news: Kept) { answered.set(key, { ...answered.get(key), ...news }) }

/** What came of a frame, as the end of a key of the words. */
export function came(f: RawFrame): 'ok' | 'refused' | 'timeout' | 'corrupt' | 'mismatch' | 'channel_down' | 'other' {
  if (!f.reason) return f.refusal ? 'refused' : 'ok'
  return f.reason === 'timeout' || f.reason === 'corrupt' || f.reason === 'mismatch' || f.reason === 'channel_down' ? f.reason : 'other'
}

/** The frames as a text for whoever helps: one line each, times as ISO. */
export const framesText = (about: string, frames: RawFrame[], word: (f: RawFrame) => string) =>
  [`# ${about}`, ...frames.map((f) => [new Date(f.at).toISOString(), `${f.tookMs.toFixed(1)} ms`, `> ${f.out}`, `< ${f.in || '-'}${f.cut ? ' …' : ''}`, word(f)].join('\t'))].join('\n') + '\n'

/** The numbers that were typed, by point, and which of them are none. A comma is taken for the decimal point. */
export function typed(texts: Record<string, string>): { shown: Record<string, number>; wrong: string[] } {
  const shown: Record<string, number> = {}, wrong: string[] = []
  for (const [point, text] of Object.entries(texts)) {
    const plain = text.trim().replace(',', '.')
    if (!plain) continue
    if (/^[-+]?(\d+\.?\d*|\.\d+)$/.test(plain)) shown[point] = Number(plain)
    else wrong.push(point)
  }
  return { shown, wrong }
}

/** Lets the browser keep a file. */
export function save(name: string, data: BlobPart, type: string) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([data], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
