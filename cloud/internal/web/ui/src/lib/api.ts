// The cloud's JSON API. Every failure is an ApiError whose message is a sentence for the reader.
import { lang, t } from './i18n'
import type { Emergency, Handling, IncidentDetail, IncidentPage, Session, Site } from './types'

/** code: the server's word, or "network" / "timeout" when no answer came. */
export class ApiError extends Error {
  constructor(readonly code: string, readonly status: number, message: string) { super(message) }
  /** Nothing was said by the server: trying again makes sense. */
  get offline() { return this.code === 'network' || this.code === 'timeout' || this.status >= 502 || this.status === 429 }
}

/** The signed key of a link in a message (?k=…) goes with every request of this tab. */
export const linkKey = new URLSearchParams(location.search).get('k') ?? sessionStorage.getItem('k') ?? ''
if (linkKey) sessionStorage.setItem('k', linkKey)

/** The address of an API path with its query and the link's key. */
export function address(path: string, query: Record<string, string | number | undefined> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(name, String(value))
  if (linkKey) search.set('k', linkKey)
  const text = search.toString()
  return '/api/v1' + path + (text ? '?' + text : '')
}

let onLogin = (_why: string) => {}
/** Calls back when the server wants a login, with its sentence when there is more to say: a link that is too old says whom to ask. */
export function whenLoginNeeded(call: (why: string) => void) { onLogin = call }

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Answers that were asked for before their page was there, by address; each is taken once, while it is new. */
const early = new Map<string, { at: number; answer: Promise<unknown> }>()
let beforehand = false
const freshMs = 5000

/** Asks for something that a page will ask for in a moment: the page then takes this answer. What fails is asked again by the page. */
export function askEarly(ask: () => Promise<unknown> | undefined) {
  beforehand = true
  ask()?.catch(() => undefined)
  beforehand = false
}

function request<T>(method: Method, url: string, body?: unknown, limitMs?: number, key?: string, left?: AbortSignal): Promise<T> {
  const kept = method === 'GET' ? early.get(url) : undefined
  early.delete(url)
  if (kept && Date.now() - kept.at < freshMs) return kept.answer as Promise<T>
  const answer = fetched<T>(method, url, body, limitMs, key, left)
  if (beforehand) {
    early.set(url, { at: Date.now(), answer })
    answer.catch(() => early.delete(url))
  }
  return answer
}

async function fetched<T>(method: Method, url: string, body?: unknown, limitMs = 10_000, key?: string, left?: AbortSignal): Promise<T> {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), limitMs)
  left?.addEventListener('abort', () => stop.abort())
  const headers: Record<string, string> = { 'Accept': 'application/json', 'Accept-Language': lang.value }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (key) headers['Idempotency-Key'] = key
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: stop.signal, credentials: 'same-origin', cache: 'no-store' })
    text = await answer.text()
  } catch {
    throw stop.signal.aborted ? new ApiError('timeout', 0, t('error.timeout')) : new ApiError('network', 0, t('error.network'))
  } finally {
    clearTimeout(timer)
  }
  if (answer.ok) return parse<T>(text)
  throw refusal(answer.status, text)
}

function parse<T>(text: string): T {
  if (!text) return undefined as T
  try { return JSON.parse(text) as T } catch { throw new ApiError('not_json', 500, t('error.server', { code: 'not JSON' })) }
}

/** The server's English begins small, as Go's errors do; a page shows it by itself. An id at the beginning stays as it is. */
const sentence = (said: string) => said.replace(/^[a-z](?=[a-z]* )/, (first) => first.toUpperCase())

/** What the server refuses, as the error that pages show. */
export function refusal(status: number, text: string): ApiError {
  let said: { code?: string; message?: string } = {}
  try { said = JSON.parse(text) ?? {} } catch { /* a proxy's page: the status must do */ }
  const code = said.code ?? `http_${status}`
  if (status === 401 && code !== 'bad_login') onLogin(code === 'login_required' ? '' : sentence(said.message ?? ''))
  return new ApiError(code, status, sentence(said.message ?? '') || t('error.server', { code: status }))
}

/** One part of a path. */
export const part = encodeURIComponent

/** Reads something. The calls of an area stand in its own file (lib/api/<area>.ts) and are made of get and send. */
export const get = <T>(path: string, query?: Record<string, string | number | undefined>) => request<T>('GET', address(path, query))
/** Changes something. key: what is sent again with the same key is done once, where the server keeps keys. left: ends the request when nobody waits for it any more. */
export const send = <T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown, limitMs?: number, key?: string, left?: AbortSignal) => request<T>(method, address(path), body, limitMs, key, left)

// Go writes an empty list as null where nobody took care; the pages always get a list.
const detailIn = (d: IncidentDetail): IncidentDetail => ({ ...d, evidence: d.evidence ?? [], card: d.card ?? [], timeline: d.timeline ?? [], alerts: d.alerts ?? [], steps: d.steps ?? [], photos: d.photos ?? [], next: d.next ?? [] })
const pageIn = (p: IncidentPage): IncidentPage => ({ ...p, incidents: p.incidents ?? [] })

export const api = {
  session: (limitMs?: number) => request<Session>('GET', address('/session'), undefined, limitMs),
  login: (name: string, password: string) => request<unknown>('POST', address('/login'), { name, password }),
  logout: () => request<unknown>('POST', address('/logout'), {}),
  incidents: (handling: Handling, limit = 50, before?: string, order?: 'urgent'): Promise<IncidentPage> => request<IncidentPage>('GET', address('/incidents', { handling, limit, before, order, brief: 'true' })).then(pageIn),
  /** What 待办 shows: what is to be done by its urgency, what is done by its time. */
  todo: (tab: Handling, limit = 50, before?: string) => api.incidents(tab, limit, before, tab === 'closed' ? undefined : 'urgent'),
  incident: (id: string) => request<IncidentDetail>('GET', address(`/incidents/${part(id)}`)).then(detailIn),
  deed: (id: string, deed: string, body: object, key?: string) => send<IncidentDetail>('POST', `/incidents/${part(id)}/${part(deed)}`, body, 8000, key).then(detailIn),
  modes: () => get<{ emergencies: Emergency[] }>('/modes').then((m) => m.emergencies ?? []),
  /** The sites whose gateway is silent, and how many sites there are. */
  silentSites: () => request<{ sites: Site[]; total: number }>('GET', address('/sites', { offline: 'true' })).then((a) => ({ ...a, sites: a.sites ?? [] })),
  sites: () => request<{ sites: Site[] }>('GET', address('/sites')).then((a) => ({ sites: a.sites ?? [] })),
}
