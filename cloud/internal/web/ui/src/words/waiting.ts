import { words } from '../lib/i18n'

/** Words of what stands above the alerts of 待办 at times. */
export const say = words({
  zh: {
    'orders': '{n} 条指令等你回执', 'orders.view': '去回执',
    'guide': '点接警试试', 'guide.what': '大屏上这条告警会同时变成“已接警”。', 'guide.close': '知道了',
  },
  en: {
    'orders': 'Orders awaiting your receipt: {n}', 'orders.view': 'Give receipt',
    'guide': 'Try it: take one', 'guide.what': 'On the wall this alert is taken at the same moment.', 'guide.close': 'Got it',
  },
})
