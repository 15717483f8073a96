// What one device is; the words of whole groups stand in common.
import { words } from '../lib/i18n'

const say = words({
  zh: {
    'gas': '燃气探测器', 'socket': '充电插座', 'valve': '燃气阀', 'siren': '声光报警器', 'door': '门禁', 'camera': '摄像机', 'meter': '电表', 'co': '一氧化碳探测器', 'rcd': '剩余电流监测', 'reader': '读卡器',
    'relay': '继电器', 'sensor': '环境传感器', 'gas_log': '燃气报警记录', 'gateway': '网关', 'channel': '总线', 'other': '其他设备',
  },
  en: {
    'gas': 'Gas detector', 'socket': 'Charging socket', 'valve': 'Gas valve', 'siren': 'Siren', 'door': 'Door', 'camera': 'Camera', 'meter': 'Meter', 'co': 'CO detector', 'rcd': 'Residual-current monitor', 'reader': 'Card reader',
    'relay': 'Relay', 'sensor': 'Room sensor', 'gas_log': 'Gas alarm log', 'gateway': 'Gateway', 'channel': 'Bus', 'other': 'Other device',
  },
})

export const oneOf = (kind: string) => say.word(kind) ?? say('other')
