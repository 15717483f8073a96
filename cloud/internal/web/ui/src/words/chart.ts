// Words about curves.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'limit': '阈值 {value}', 'span': '告警区间', 'gap': '无数据', 'suspect': '有存疑或无效值', 'downsampled': '点数已合并，保留最小和最大值', 'none': '这段时间没有数据。', 'gapat': '无数据：{why}', 'gapat.plain': '无数据',
    'label': '{name}曲线，{from} 到 {to}，最小 {min}，最大 {max}{limit}', 'label.empty': '{name}曲线，这段时间没有数据', 'pick': '选择点位', 'range': '时间范围', 'hours': '近 {n} 小时', 'loading': '正在读取曲线', 'latest': '最新',
  },
  en: {
    'limit': 'limit {value}', 'span': 'alert', 'gap': 'no data', 'suspect': 'some uncertain or bad', 'downsampled': 'Points merged, minimum and maximum kept', 'none': 'No data in this time.',
    'gapat': 'no data: {why}', 'gapat.plain': 'no data', 'label': 'Chart of {name}, {from} to {to}, minimum {min}, maximum {max}{limit}', 'label.empty': 'Chart of {name}: no data in this time',
    'pick': 'Point', 'range': 'Time range', 'hours': 'Last {n} h', 'loading': 'Reading the chart', 'latest': 'latest',
  },
})
