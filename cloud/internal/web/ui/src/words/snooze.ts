// The words of snoozing a device (静默), and of what is kept quiet now.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'title': '静默', 'begin': '静默这台设备', 'for': '静默多久', 'minutes': '{n} 分钟', 'until': '到 {at}', 'reason': '原因', 'reason.hint': '例如：正在更换充电桩', 'need.reason': '请写明原因。',
    'rule': '期间重要、一般告警照常记录，但不通知、不计时；紧急告警照常通知。到时自动结束，仍在告警会立即通知。', 'running': '静默中，到 {at} 自动结束', 'by': '{who} · {from} 起', 'end': '结束静默', 'end.ask': '结束静默？', 'end.says': '仍在持续的告警会立即通知。',
    'now': '正在静默和检修', 'now.none': '现在没有静默和检修。', 'window': '检修', 'span': '{from} 起，{until} 结束',
  },
  en: {
    'title': 'Snooze', 'begin': 'Snooze this device', 'for': 'For', 'minutes': '{n} min', 'until': 'until {at}', 'reason': 'Reason', 'reason.hint': 'Such as: the socket is being replaced', 'need.reason': 'Please give the reason.',
    'rule': 'Meanwhile important and minor alerts are recorded, but nobody is notified and no deadline runs; urgent ones are notified as always. It ends by itself; alerts still active then are notified.', 'running': 'Snoozed until {at}, then it ends by itself', 'by': '{who} · since {from}', 'end': 'End it', 'end.ask': 'End the snooze?', 'end.says': 'Alerts still active are notified at once.',
    'now': 'Snoozed or under maintenance now', 'now.none': 'Nothing is snoozed or under maintenance now.', 'window': 'Maintenance', 'span': 'from {from} to {until}',
  },
})
