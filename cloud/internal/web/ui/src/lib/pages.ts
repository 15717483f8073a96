// The one table of pages: the router finds an address in it, App loads from it, NavBar shows what the caller may open.
// A new page is one line here and a file in pages/. Pages are loaded when they are opened.
// 待办 and an alert are opened from messages, on phones: their documents name their scripts (vite.config.ts).
import type { Component } from 'vue'
import { api } from './api'
import { wantShared } from './i18n'
import type { IconName } from './icons'
import type { Right } from './types'

/** 处置, 态势, 设备, 管理: the parts of the way around. */
export type Group = 'handle' | 'picture' | 'device' | 'manage'
export const groups: Group[] = ['handle', 'picture', 'device', 'manage']

export interface Page {
  name: string
  /** "/a/:id": each :part becomes one of route.params, in order. */
  path: string
  /** The word in the navigation and in the title. */
  zh: string
  en: string
  /** Without a right everybody who is logged in may open it. */
  right?: Right
  /** The right is needed for the whole street, not for some part of it. */
  street?: true
  /** Where it stands in the navigation; without it the page is reached from others. */
  group?: Group
  icon?: IconName
  /** It has a place of its own at the bottom of a phone; the others are under 更多. There is room for three. */
  phone?: true
  /** The page of the navigation that is marked while this one is open. */
  under?: string
  /** The whole screen, without navigation and head: the wall. */
  bare?: true
  /** It needs no account: whoever has the signed link may open it. */
  open?: true
  load: () => Promise<{ default: Component }>
  /** What the page asks for first: it is asked while its script still comes, when the visit begins at it. */
  asks?: (at: { params: string[]; query: URLSearchParams }) => Promise<unknown> | undefined
}

export const pages: Page[] = [
  { name: 'todo', path: '/todo', zh: '待办', en: 'To do', right: 'see', group: 'handle', icon: 'todo', phone: true, load: () => import('../pages/Todo.vue'), asks: ({ query }) => (query.has('tab') ? undefined : api.todo('open')) },
  { name: 'start', path: '/', zh: '开始', en: 'Start', load: () => import('../pages/Start.vue') },
  { name: 'alerts', path: '/alerts', zh: '告警中心', en: 'Alerts', right: 'see', group: 'handle', icon: 'alerts', load: () => import('../pages/Alerts.vue') },
  { name: 'report', path: '/report', zh: '一键上报', en: 'Report', right: 'work', group: 'handle', icon: 'report', phone: true, load: () => import('../pages/Report.vue') },
  { name: 'orders', path: '/orders', zh: '一键下达', en: 'Orders', right: 'see', group: 'handle', icon: 'order', load: () => import('../pages/Orders.vue') },
  { name: 'patrol', path: '/patrol', zh: '巡查', en: 'Patrol', right: 'see', group: 'handle', icon: 'patrol', load: () => import('../pages/Patrol.vue') },
  { name: 'round', path: '/patrol/:n', zh: '巡查', en: 'Round', right: 'see', under: 'patrol', load: () => import('../pages/PatrolRound.vue') },
  { name: 'duty-check', path: '/duty-check', zh: '查岗', en: 'Duty check', right: 'see', group: 'handle', icon: 'duty', load: () => import('../pages/DutyCheck.vue') },
  { name: 'duty-answer', path: '/duty-check/:n', zh: '查岗', en: 'Duty check', under: 'duty-check', load: () => import('../pages/DutyAnswer.vue') },
  { name: 'rate', path: '/r/:id', zh: '评价', en: 'Rate', bare: true, open: true, load: () => import('../pages/Rate.vue') },
  { name: 'alert', path: '/a/:id', zh: '告警', en: 'Alert', under: 'todo', load: () => import('../pages/Alert.vue'), asks: ({ params }) => { wantShared(); return api.incident(params[0] ?? '') } },
  { name: 'wall', path: '/wall', zh: '大屏', en: 'Wall', right: 'see', group: 'picture', icon: 'wall', bare: true, load: () => import('../pages/Wall.vue') },
  { name: 'map', path: '/map', zh: '四张图', en: 'Maps', right: 'see', group: 'picture', icon: 'map', load: () => import('../pages/Map.vue') },
  { name: 'sites', path: '/sites', zh: '小区', en: 'Sites', right: 'see', group: 'device', icon: 'sites', phone: true, load: () => import('../pages/Sites.vue') },
  { name: 'site', path: '/sites/:id', zh: '小区', en: 'Site', right: 'see', under: 'sites', load: () => import('../pages/Site.vue') },
  { name: 'devices', path: '/devices', zh: '设备', en: 'Devices', right: 'see', group: 'device', icon: 'device', load: () => import('../pages/Devices.vue') },
  { name: 'device', path: '/devices/:gateway/:id', zh: '设备', en: 'Device', right: 'see', under: 'devices', load: () => import('../pages/Device.vue') },
  { name: 'gateways', path: '/gateways', zh: '网关', en: 'Gateways', right: 'see', group: 'device', icon: 'gateway', load: () => import('../pages/Gateways.vue') },
  { name: 'gateway', path: '/gateways/:id', zh: '网关', en: 'Gateway', right: 'see', under: 'gateways', load: () => import('../pages/Gateway.vue') },
  { name: 'reports', path: '/reports', zh: '报表', en: 'Statistics', right: 'see', group: 'manage', icon: 'figures', load: () => import('../pages/Reports.vue') },
  { name: 'rules', path: '/rules', zh: '规则', en: 'Rules', right: 'see', group: 'manage', icon: 'rule', load: () => import('../pages/Rules.vue') },
  { name: 'rule', path: '/rules/:id', zh: '规则', en: 'Rule', right: 'see', under: 'rules', load: () => import('../pages/Rule.vue') },
  { name: 'duty', path: '/duty', zh: '班次与通知', en: 'Duty', right: 'see', group: 'manage', icon: 'shifts', load: () => import('../pages/Duty.vue') },
  { name: 'org', path: '/org', zh: '组织与应急', en: 'Organisation', right: 'see', group: 'manage', icon: 'flow', load: () => import('../pages/Org.vue') },
  { name: 'node', path: '/org/:id', zh: '组织', en: 'Organisation', right: 'see', under: 'org', load: () => import('../pages/Node.vue') },
  { name: 'people', path: '/people', zh: '人员与登录', en: 'People', group: 'manage', icon: 'people', load: () => import('../pages/People.vue') },
  { name: 'audit', path: '/audit', zh: '审计', en: 'Audit', right: 'audit', group: 'manage', icon: 'audit', load: () => import('../pages/Audit.vue') },
  { name: 'system', path: '/system', zh: '系统', en: 'System', right: 'see', street: true, group: 'manage', icon: 'system', load: () => import('../pages/System.vue') },
]

/** An address that leads nowhere. */
export const lost: Page = { name: 'lost', path: '', zh: '没有这个页面', en: 'No such page', load: () => import('../pages/Lost.vue') }
