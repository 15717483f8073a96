// The calls about the plan of a site.
import { address, get, part, refusal, send, ApiError } from '../api'
import { t } from '../i18n'
import type { Plan, SitePlan } from '../types/plan'

const of = (site: string) => `/sites/${part(site)}/plan`
const whole = (p: SitePlan): SitePlan => ({ ...p, plan: { ...p.plan, shapes: p.plan.shapes ?? [], pins: p.plan.pins ?? [] }, nodes: p.nodes ?? [] })

export const planApi = {
  read: (site: string) => get<SitePlan>(of(site)).then(whole),
  save: (site: string, was: string, plan: Plan) => send<SitePlan>('PUT', of(site), { was, plan }).then(whole),
  remove: (site: string, was: string) => send<SitePlan>('DELETE', `${of(site)}?was=${part(was)}`).then(whole),
  removePicture: (site: string) => send<SitePlan>('DELETE', `${of(site)}/picture`).then(whole),
  picture: (site: string, id: string) => address(`${of(site)}/picture`, { id }),
  async setPicture(site: string, file: Blob): Promise<SitePlan> {
    const answer = await fetch(address(`${of(site)}/picture`), { method: 'PUT', body: file, headers: { 'Content-Type': file.type || 'image/jpeg', 'Accept-Language': document.documentElement.lang }, credentials: 'same-origin' })
      .catch(() => { throw new ApiError('network', 0, t('error.network')) })
    if (!answer.ok) throw refusal(answer.status, await answer.text())
    return whole(await answer.json() as SitePlan)
  },
}
