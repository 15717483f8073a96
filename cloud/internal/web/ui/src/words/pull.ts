import { words } from '../lib/i18n'

/** Words of pulling 待办 down. */
export const say = words({
  zh: { pull: '下拉刷新', loose: '松开刷新', reading: '正在刷新', done: '{at} 已刷新', failed: '没有读到新数据，显示的还是之前的' },
  en: { pull: 'Pull to refresh', loose: 'Let go to refresh', reading: 'Refreshing', done: 'Refreshed at {at}', failed: 'Nothing new could be read; this is as before' },
})
