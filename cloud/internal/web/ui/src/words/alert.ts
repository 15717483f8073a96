import { words } from '../lib/i18n'

/** Words of an alert’s own page. */
export const say = words({
  zh: {
    'alert.why': '为什么报警', 'alert.rule': '规则 {id}', 'alert.seen': '规则看到的值', 'alert.parts': '规则逐条判断', 'alert.todo': '现在做什么', 'alert.chart': '曲线', 'alert.steps': '过程', 'alert.auto': '自动处置', 'alert.where': '地点', 'alert.state.active': '告警中',
    'alert.previous': '24 小时内发生过：{id}，{at} 办结为{outcome}', 'alert.previous.open': '24 小时内发生过：{id}，还没有办结', 'alert.nocard': '这类告警还没有处置卡。先到现场看情况，有火、有烟、有人受伤立即拨 119。', 'alert.gone': '没有这条告警',
    'alert.gone.hint': '编号可能写错了，或已归档，或不在你负责的范围。需要看请找管理员。', 'alert.gone.link': '回到待办', 'alert.loading': '正在读取告警',
  },
  en: {
    'alert.why': 'Why it fired', 'alert.rule': 'rule {id}', 'alert.seen': 'Values the rule saw', 'alert.parts': 'The rule, part by part', 'alert.todo': 'What to do now', 'alert.chart': 'Chart', 'alert.steps': 'What happened',
    'alert.auto': 'Done automatically', 'alert.where': 'Where', 'alert.state.active': 'Active', 'alert.previous': 'Happened within 24 hours: {id}, closed {at} as {outcome}',
    'alert.previous.open': 'Happened within 24 hours: {id}, not closed yet', 'alert.nocard': 'There is no card for this kind of alert yet. Go and look; with fire, smoke or injuries call 119 at once.',
    'alert.gone': 'There is no such alert', 'alert.gone.hint': 'The number may be wrong, it may have been archived, or it is not in your part of the street. Ask your administrator if you need to see it.',
    'alert.gone.link': 'Back to the list', 'alert.loading': 'Reading the alert',
  },
})
