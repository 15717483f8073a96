// The words of how far a point went before an alert.
import { words } from '../lib/i18n'

export const say = words({
  zh: { 'most': '同一设备此前 {n} 天最高 {value}', 'least': '同一设备此前 {n} 天最低 {value}', 'days': '（其中 {n} 天有数据）', 'few': '平时最高多少还不知道：此前不足 {n} 天数据' },
  en: { 'most': 'The same device in the {n} days before: {value} at most', 'least': 'The same device in the {n} days before: {value} at least', 'days': ' ({n} days have data)', 'few': 'How far it usually goes is not known: fewer than {n} days of earlier data' },
})
