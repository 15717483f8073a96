// Words about the cloud's records: what may be lost, what is kept aside.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'several': '{n} 条', 'several.rest': '还有 {n} 条', 'journal': '记录', 'journal.empty': '没有记录：没有丢失过数据，也没有重名的网关。', 'parked': '没能处理的记录', 'parked.empty': '没有。收到的记录都处理了。', 'refused': '数据库拒收的读数', 'record': '{stream}记录 {seq} · {bytes} 字节',
    'recorded': '{at} 记录，{parked} 暂存', 'refused.n': '{n} 个读数，{from} 到 {to}', 'reapply': '重新处理', 'reapplying': '处理中…', 'reapplied': '已处理，数据已补上。', 'readonly': '你的账号只能查看。', 'more': '更早的记录',
    'stream.events': '事件', 'stream.telemetry': '遥测', 'stream.evidence': '证据', 'journal.possible_loss': '可能丢失', 'journal.second_gateway': '身份重复', 'journal.parked_record': '记录暂存',
    'journal.storage_failed': '存储故障', 'journal.storage_well': '存储恢复', 'journal.rules_changed': '规则更新', 'journal.rules_refused': '规则被拒', 'journal.output_moved': '设备动作',
    'journal.device_swapped': '设备更换', 'journal.line_overloaded': '总线过载', 'journal.line_keeps_up': '总线恢复', 'journal.missed_alarm': '漏报', 'journal.sensor_health': '传感器可信度', 'journal.commissioned': '调试',
    'journal.fragment_left_out': '配置未采用', 'journal.restart_refused': '重启未采用', 'journal.field_notice': '现场通知', 'journal.foreign_site': '小区冲突', 'journal.tree_imported': '组织导入',
    'journal.decommissioned': '网关退役', 'journal.evidence_key': '证据公钥', 'journal.certificate_ends': '证书到期', 'journal.certificate': '网关证书', 'journal.update': '网关升级', 'journal.few_receivers': '通知不足',
    'journal.other': '其他',
  },
  en: {
    'several': '{n} entries', 'several.rest': '{n} more', 'journal': 'Journal', 'journal.empty': 'Nothing: no data was lost, and no two gateways shared a name.', 'parked': 'Records that could not be applied',
    'parked.empty': 'None. Everything that arrived was applied.', 'refused': 'Readings that the store refused', 'record': '{stream} record {seq} · {bytes} bytes',
    'recorded': 'recorded {at}, kept aside {parked}', 'refused.n': '{n} readings, {from} to {to}', 'reapply': 'Try again', 'reapplying': 'Trying…', 'reapplied': 'Applied; the data is there now.',
    'readonly': 'Your account may only look.', 'more': 'Earlier entries', 'stream.events': 'event', 'stream.telemetry': 'telemetry', 'stream.evidence': 'evidence',
    'journal.possible_loss': 'Possible loss', 'journal.second_gateway': 'Same identity twice', 'journal.parked_record': 'Record kept aside', 'journal.storage_failed': 'Storage failing',
    'journal.storage_well': 'Storage well again', 'journal.rules_changed': 'Rules changed', 'journal.rules_refused': 'Rules refused', 'journal.output_moved': 'Output moved',
    'journal.device_swapped': 'Device replaced', 'journal.line_overloaded': 'Bus overloaded', 'journal.line_keeps_up': 'Bus keeps up', 'journal.missed_alarm': 'Missed alarm',
    'journal.sensor_health': 'Sensor trust', 'journal.commissioned': 'Commissioning', 'journal.fragment_left_out': 'Configuration left out', 'journal.restart_refused': 'New site refused',
    'journal.field_notice': 'Notice', 'journal.foreign_site': 'Site conflict', 'journal.tree_imported': 'Organisation imported', 'journal.decommissioned': 'Decommissioned',
    'journal.evidence_key': 'Evidence key', 'journal.certificate_ends': 'Certificate ends', 'journal.certificate': 'Certificate', 'journal.update': 'Update',
    'journal.few_receivers': 'Too few receivers', 'journal.other': 'Other',
  },
})
