import { words } from '../lib/i18n'

/** Words of the wall. */
export const say = words({
  zh: {
    'title': '街道态势', 'loading': '正在读取全街道状态', 'grid': '小区状态，按社区', 'none': '还没有小区。导入组织（cloud org import）并接上第一个网关后，这里就有格子。',
    'A': '紧急', 'B': '重要', 'C': '一般', 'offline': '离线小区', 'closed': '今日办结', 'take': '接警中位用时', 'goal': '目标 ≤ 3:00', 'median': '{n} 起的中位数',
    'waiting': '{n} 起未接警', 'all.taken': '都已接警', 'of': '共 {n} 个', 'since.midnight': '自 0 点\n不含设备故障', 'no.value': '—', 'none.taken': '今日还没有',
    'state.A': '紧急', 'state.B': '重要', 'state.C': '一般', 'state.offline': '离线', 'state.window': '检修中', 'state.repair': '设备故障', 'state.never': '未接入', 'state.calm': '正常',
    'short.A': '急', 'short.B': '重', 'short.C': '般', 'short.offline': '离', 'short.window': '检', 'short.repair': '障', 'short.never': '未',
    'cell': '{name}：{state}', 'counts': '紧急 {A}，重要 {B}，一般 {C}，设备故障 {m}', 'quiet': '检修期间未通知 {n}',
    'queue': '待处置', 'queue.none': '没有待处置的告警', 'queue.more': '另有 {n} 起', 'age': '已 {for}', 'left': '剩 {for}', 'late': '超时 {for}', 'nobody': '未接警', 'taken': '{who} 已接警', 'recovered': '已恢复', 'elsewhere': '不属于小区',
    'bars': '近 24 小时', 'bars.unit': '每小时起数，最高 {most}', 'bars.sum': '近 24 小时共 {n} 起，最多的一小时 {most} 起',
    'fresh': '数据延迟 {s} s', 'slow': '数据延迟 {s} s', 'expired': '数据已过期 {at}', 'expired.what': '画面停在 {at}，不代表现在。正在重连。', 'online': '网关在线 {n}/{all}',
    'sound.off': '声音：关（点一下打开）', 'sound.on': '声音：开', 'settings': '显示设置', 'full': '全屏', 'back': '返回', 'group.none': '未归入社区',
    'emergency': '应急状态', 'emergency.what': '{name}，至 {until}。{why}',
    'set.distance': '观看距离（米）', 'set.width': '屏幕宽度（米）', 'set.help': '字号按距离和宽度放大；留空则按分辨率。', 'set.canvas': '画布（宽x高，留空为窗口）', 'set.canvas.bad': '写成 6720x2160 的样子，宽 640–20000，高 360–12000', 'set.dim': '夜间调暗', 'dim.auto': '22 点到 6 点', 'dim.on': '一直', 'dim.off': '不调暗', 'set.test': '测试图', 'set.save': '保存', 'set.cancel': '取消',
    'test.title': '测试图', 'test.size': '画布 {w} × {h}，字号基准 {r} px', 'test.what': '四角的数字要看得全；每行字都要在观看处认得出；八种状态要分得开。',
    'by.site': '每格一个小区，按最重的告警着色。小区数：', 'worse': '（其中 {n} 个显示为前面的状态）', 'unit': '起', 'now': '现在', 'links': '地图',
  },
  en: {
    'title': 'The street now', 'loading': 'Reading the state of the street', 'grid': 'State of sites, by community', 'none': 'No sites yet. Import the organisation (cloud org import) and connect the first gateway: then there are cells here.',
    'A': 'Urgent', 'B': 'Important', 'C': 'Minor', 'offline': 'Sites offline', 'closed': 'Closed today', 'take': 'Median time to take', 'goal': 'goal ≤ 3:00', 'median': 'of {n} alerts',
    'waiting': '{n} not taken', 'all.taken': 'all taken', 'of': 'of {n}', 'since.midnight': 'since midnight\nfaults left out', 'no.value': '—', 'none.taken': 'none today yet',
    'state.A': 'Urgent', 'state.B': 'Important', 'state.C': 'Minor', 'state.offline': 'Offline', 'state.window': 'Maintenance', 'state.repair': 'Device fault', 'state.never': 'Not connected', 'state.calm': 'Normal',
    'short.A': 'U', 'short.B': 'I', 'short.C': 'M', 'short.offline': 'O', 'short.window': 'W', 'short.repair': 'F', 'short.never': 'N',
    'cell': '{name}: {state}', 'counts': 'urgent {A}, important {B}, minor {C}, device fault {m}', 'quiet': '{n} not told during maintenance',
    'queue': 'To be handled', 'queue.none': 'Nothing to be handled', 'queue.more': '{n} more', 'age': 'for {for}', 'left': '{for} left', 'late': '{for} over', 'nobody': 'not taken', 'taken': 'taken by {who}', 'recovered': 'recovered', 'elsewhere': 'about no site',
    'bars': 'Last 24 hours', 'bars.unit': 'alerts an hour, at most {most}', 'bars.sum': '{n} alerts in 24 hours, at most {most} in one',
    'fresh': 'data {s} s old', 'slow': 'data {s} s old', 'expired': 'Data expired {at}', 'expired.what': 'What is shown is of {at}, not of now. Reconnecting.', 'online': 'sites online {n}/{all}',
    'sound.off': 'Sound: off (click to turn on)', 'sound.on': 'Sound: on', 'settings': 'Display', 'full': 'Full screen', 'back': 'Back', 'group.none': 'In no community',
    'emergency': 'Emergency mode', 'emergency.what': '{name}, until {until}. {why}',
    'set.distance': 'Viewing distance (m)', 'set.width': 'Width of the screen (m)', 'set.help': 'Text grows with distance and width; empty: as the resolution.', 'set.canvas': 'Canvas (width x height; empty: the window)', 'set.canvas.bad': 'Write it as 6720x2160, width 640–20000, height 360–12000', 'set.dim': 'Dim at night', 'dim.auto': '22:00 to 6:00', 'dim.on': 'always', 'dim.off': 'never', 'set.test': 'Test pattern', 'set.save': 'Save', 'set.cancel': 'Cancel',
    'test.title': 'Test pattern', 'test.size': 'Canvas {w} × {h}, base size {r} px', 'test.what': 'The numbers in all four corners must be whole, every line readable from where people sit, and the eight states distinct.',
    'by.site': 'One cell a site, by its worst alert. Sites:', 'worse': ' ({n} of them shown as a state before it)', 'unit': 'alerts', 'now': 'now', 'links': 'Maps',
  },
})
