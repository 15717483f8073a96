// Words about how much of the data is there, and what to do about what is not.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'title': '数据完整性', 'share': '有数据 {n} %', 'share.of': '有数据 {n} %（接入后 {for}）', 'range.day': '近 24 小时', 'range.week': '近 7 天', 'range': '完整性的时间范围', 'strip': '数据完整性，用左右方向键逐段查看', 'tap': '点色带或按左右方向键，看每一段。', 'loading': '正在核对数据',
    'data': '有数据', 'span.data': '{from} 到 {to}（{for}）有数据。', 'span.none': '{from} 到 {to}（{for}）无数据：{why}。', 'complete': '这段时间的数据是完整的。', 'state.device': '设备侧', 'state.gateway': '网关未运行',
    'state.coming': '会补上', 'state.lost': '已丢失', 'state.absent': '未接入', 'do.device': '到现场看设备是否上电、接线是否松动。', 'do.bus': '同一条总线的设备都没有应答：检查总线电源、转换器和 A/B 接线。', 'do.value': '设备有应答，但值不可用：检查或更换传感器。',
    'do.gateway': '查看网关的电源和供电记录。', 'do.clock': '检查网关的网络时间（NTP）和时钟电池。', 'do.link': '不用处理数据：网络恢复后自动补传。长时间不恢复就检查网关的网络。', 'do.late': '不用处理，稍后自动补上。', 'do.lost': '这段数据不会再有。查看系统页的记录，检查网关的磁盘。',
    'do.parked': '到系统页查看原因，排除后点“重新处理”。', 'do.absent': '不用处理。', 'do.unexplained': '这不该发生：请把这一段报给我们。', 'today': '今日数据 {n} %', 'today.all': '今日数据完整', 'today.attached': '（接入后 {for}）', 'worst': '缺得最多', 'missing': '缺 {for}',
  },
  en: {
    'title': 'Data integrity', 'share': '{n} % there', 'share.of': '{n} % there of {for} configured', 'range.day': 'Last 24 h', 'range.week': 'Last 7 days', 'range': 'Time range of the integrity',
    'strip': 'Data integrity; the arrow keys go from span to span', 'tap': 'Tap the strip, or use the arrow keys, to see each span.', 'loading': 'Checking the data', 'data': 'data',
    'span.data': '{from} to {to} ({for}): data.', 'span.none': '{from} to {to} ({for}): no data, {why}.', 'complete': 'The data of this time is complete.', 'state.device': 'at the device',
    'state.gateway': 'gateway not running', 'state.coming': 'will come', 'state.lost': 'lost', 'state.absent': 'not configured',
    'do.device': 'Look on site whether the device has power and its wiring holds.', 'do.bus': 'No device of this bus answers: check the power of the bus, the converter and the A/B wires.',
    'do.value': 'The device answers, but with no usable value: check or replace the sensor.', 'do.gateway': 'Look at the power supply of the gateway.',
    'do.clock': 'Check the network time (NTP) and the clock battery of the gateway.',
    'do.link': 'The data needs nothing: it comes by itself when the network is back. If that takes long, check the network of the gateway.', 'do.late': 'Nothing to do, it comes by itself.',
    'do.lost': 'This data will not come. See the journal on the system page, and check the disk of the gateway.', 'do.parked': 'See the cause on the system page, remove it and choose "Try again".',
    'do.absent': 'Nothing to do.', 'do.unexplained': 'This should not happen: please report this span to us.', 'today': '{n} % of today\'s data', 'today.all': 'Today\'s data is complete', 'today.attached': ' (attached for {for})',
    'worst': 'Most is missing of', 'missing': '{for} missing',
  },
})
