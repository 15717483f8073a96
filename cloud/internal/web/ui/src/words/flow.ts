// The words of 流程图.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'flow.command': '谁指挥', 'flow.go': '谁到场', 'flow.handle': '谁处置', 'flow.nobody': '没有登记责任人', 'flow.noduty': '没有排班', 'flow.nohandler': '未接警', 'flow.same': '没有登记更高一级，仍由{name}负责', 'flow.now': '现在这一级', 'flow.path': '走到哪一步', 'flow.limit': '限 {for}',
    'flow.took': '{by} {at}', 'flow.phones': '显示完整电话（会记录）', 'flow.comes': '下一步：{what}', 'flow.ended': '流程已走完。', 'flow.loading': '正在读取流程', 'flow.team': '应急队伍', 'flow.label': '流程图：{now}，{next}', 'flow.taker': '接警人',
    'flow.assignee': '分拨给',
    'as.shift': '当班', 'as.handover': '代班', 'as.owner': '责任人', 'as.deputy': 'B 角', 'as.fallback': '兜底联系人',
  },
  en: {
    'flow.command': 'Who commands', 'flow.go': 'Who goes', 'flow.handle': 'Who handles', 'flow.nobody': 'nobody is named', 'flow.noduty': 'no roster', 'flow.nohandler': 'nobody has taken it', 'flow.same': 'nothing higher is entered: it stays with {name}', 'flow.now': 'now',
    'flow.path': 'How far it is', 'flow.limit': 'limit {for}', 'flow.took': '{by} {at}', 'flow.phones': 'Show full phone numbers (this is recorded)', 'flow.comes': 'Next: {what}', 'flow.ended': 'Nothing is left to do.',
    'flow.loading': 'Reading the flow', 'flow.team': 'Emergency team', 'flow.label': 'Flow: {now}, {next}', 'flow.taker': 'taken by', 'flow.assignee': 'given to',
    'as.shift': 'on shift', 'as.handover': 'stands in', 'as.owner': 'in charge', 'as.deputy': 'deputy', 'as.fallback': 'fallback',
  },
})
