// The words of a site's maintenance windows and of its health.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'title': '检修', 'none': '没有安排检修，也没有静默的设备', 'running': '检修中', 'snoozed': '静默中', 'unsnooze': '结束静默', 'unsnooze.ask': '结束静默？', 'planned': '已安排', 'over': '已结束', 'ended': '{who} 提前结束', 'span': '{from} 至 {until}', 'crew': '现场：{crew}', 'by': '{who} 安排', 'past': '以前的检修',
    'rule': '检修期间：重要、一般告警只记录不通知，紧急告警照常通知；结束时仍未恢复的会通知。', 'new': '安排检修', 'begin': '开始', 'begin.now': '现在', 'begin.at': '选时间', 'at': '开始时间', 'for': '时长', 'hours': '{n} 小时', 'days': '{n} 天', 'until': '到 {at}',
    'reason': '原因', 'reason.hint': '例如：更换燃气探测器', 'who': '谁在现场、怎么联系', 'who.hint': '例如：王工 138****1234', 'need.reason': '请写明原因。', 'need.crew': '请写明谁在现场。', 'need.at': '请选开始时间。', 'announce': '安排并通知', 'end': '结束检修', 'cancel': '取消安排', 'end.ask': '结束这次检修？', 'end.says': '仍未恢复的告警会立即通知。',
    'health': '可信度', 'health.none': '网关没有上报过可信度，暂时不知道。', 'health.of': '{n} 台设备的平均分', 'health.unknown': '{n} 台状态不明，不计入', 'health.full': '没有明显扣分的设备，每台都在 90 分以上。', 'health.score': '{n} 分', 'health.why': '扣分原因', 'health.loss': '−{n} 分', 'health.device': '{score} 分', 'health.more': '另有 {n} 台', 'health.less': '原因未上报',
  },
  en: {
    'title': 'Maintenance', 'none': 'No maintenance is planned, and no device is snoozed', 'running': 'Under maintenance', 'snoozed': 'Snoozed', 'unsnooze': 'End the snooze', 'unsnooze.ask': 'End the snooze?', 'planned': 'Planned', 'over': 'Over', 'ended': 'ended early by {who}', 'span': '{from} to {until}', 'crew': 'On site: {crew}', 'by': 'announced by {who}', 'past': 'Earlier ones',
    'rule': 'Meanwhile important and minor alerts are recorded and nobody is told; urgent ones are told as always. What still lasts at the end is told then.', 'new': 'Plan maintenance', 'begin': 'Begin', 'begin.now': 'now', 'begin.at': 'at a time', 'at': 'Begins at', 'for': 'For', 'hours': '{n} h', 'days': '{n} d', 'until': 'until {at}',
    'reason': 'Reason', 'reason.hint': 'Such as: new gas detectors', 'who': 'Who is on site, and how they are reached', 'who.hint': 'Such as: Wang, 138****1234', 'need.reason': 'Please give the reason.', 'need.crew': 'Please say who is on site.', 'need.at': 'Please choose when it begins.', 'announce': 'Announce', 'end': 'End it', 'cancel': 'Call it off', 'end.ask': 'End this maintenance?', 'end.says': 'Alerts that still last are told at once.',
    'health': 'Trust', 'health.none': 'Its gateway has not reported any score yet: it is not known.', 'health.of': 'mean of {n} devices', 'health.unknown': '{n} of unknown state are not counted', 'health.full': 'Every device scores 90 or more.', 'health.score': '{n}', 'health.why': 'What takes points', 'health.loss': '−{n}', 'health.device': 'score {score}', 'health.more': '{n} more devices', 'health.less': 'no reason was told',
  },
})
