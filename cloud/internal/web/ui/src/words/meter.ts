// The words of exchanged meters (换表).
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'title': '换表', 'none': '没有换过表', 'note': '登记换表', 'rule': '历史保留。从换表时刻起，累计量接着旧表继续累加，曲线和用量不会跳变；填错了可以撤回。', 'noticed': '网关 {at} 发现：{what}', 'noticed.hint': '还没有登记换表，累计量从新表读数重新开始。',
    'at': '换表时间', 'at.hint': '大致即可，会对准新表的第一个读数', 'serial': '新表表号', 'reason': '原因', 'reason.hint': '例如：旧表烧坏', 'last': '{point}：旧表最后读数（{unit}）', 'first': '{point}：新表最初读数（{unit}）', 'known': '系统记录 {value}', 'optional': '选填',
    'need.at': '请填换表时间。', 'need.reason': '请写明原因。', 'need.readings': '每个累计量要么两个读数都填，要么都不填，至少填一个累计量。', 'entry': '{point} {last} → {first}', 'undone': '已由 {who} 于 {at} 撤回', 'undo': '撤回', 'undo.ask': '撤回这次换表登记？', 'undo.says': '累计量回到新表自己的读数；记录保留。',
  },
  en: {
    'title': 'Meter replacement', 'none': 'The meter has never been replaced', 'note': 'Record a meter replacement', 'rule': 'History stays. From that moment on counters go on from the old meter, so that charts and consumption neither step back nor jump; a wrong entry can be taken back.', 'noticed': 'The gateway noticed at {at}: {what}', 'noticed.hint': 'No replacement is recorded yet: the counters begin anew with the new meter.',
    'at': 'Replaced at', 'at.hint': 'Roughly is enough: it is matched to the new meter\'s first reading', 'serial': 'Number of the new meter', 'reason': 'Reason', 'reason.hint': 'Such as: the old one burnt out', 'last': '{point}: last reading of the old meter ({unit})', 'first': '{point}: first reading of the new meter ({unit})', 'known': 'stored: {value}', 'optional': 'optional',
    'need.at': 'Please say when.', 'need.reason': 'Please give the reason.', 'need.readings': 'Give both readings of a counter or none, and those of one counter at least.', 'entry': '{point} {last} → {first}', 'undone': 'taken back by {who} at {at}', 'undo': 'Take it back', 'undo.ask': 'Take back this entry?', 'undo.says': 'The counters show the new meter\'s own readings again; the entry is kept.',
  },
})
