// The words of the alerts that are one incident: merging and splitting.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'alerts': '合并了 {n} 条告警', 'alerts.first': '最先', 'alerts.split': '拆出选中的 {n} 条', 'alerts.split.title': '拆成一条新告警', 'alerts.merge.title': '并入另一条告警',
    'alerts.merge.into': '并入哪一条', 'alerts.merge.none': '这个小区没有别的未办结告警。', 'alerts.choose': '选中 {name}', 'alerts.reason': '原因', 'alerts.need': '请选择一条，并写明原因。', 'alerts.chattering': '反复', 'alerts.fleeting': '一闪即过',
    'alerts.do.split': '拆分', 'alerts.do.merge': '合并',
    'joined.bus': '同一总线', 'joined.gateway': '同一网关', 'joined.zone': '同一区域', 'joined.flood': '告警洪峰', 'joined.device': '同一设备', 'joined.hand': '人工合并',
  },
  en: {
    'alerts': '{n} alerts in one', 'alerts.first': 'first', 'alerts.split': 'Take out the {n} chosen', 'alerts.split.title': 'Make a new alert of them',
    'alerts.merge.title': 'Merge into another alert', 'alerts.merge.into': 'Into which', 'alerts.merge.none': 'This site has no other alert that is not closed.',
    'alerts.choose': 'Choose {name}', 'alerts.reason': 'Reason', 'alerts.need': 'Please choose one and say why.', 'alerts.chattering': 'again and again', 'alerts.fleeting': 'a moment only', 'alerts.do.split': 'Split',
    'alerts.do.merge': 'Merge',
    'joined.bus': 'same bus', 'joined.gateway': 'same gateway', 'joined.zone': 'same zone', 'joined.flood': 'flood', 'joined.device': 'same device', 'joined.hand': 'by hand',
  },
})
