// Words about sites.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'title': '小区', 'empty': '还没有小区。网关第一次连上后会出现在这里。', 'online': '在线', 'offline': '离线', 'lastseen': '最后联系 {at}（{for}前）', 'neverseen': '网关还没有联系过', 'open.untaken': '未接警', 'open.none': '没有未办结的告警', 'devices': '设备 {total} 台',
    'good': '在线 {n}', 'bad': '无应答 {n}', 'unseen': '现状不明', 'gateway': '网关 {id}', 'gone': '没有这个小区，或者你看不到它。', 'nodevices': '这个网关还没有设备。先在网关上扫描总线、认领设备。', 'stalewarning': '网关离线，下面是 {at} 之前的值。',
    'search': '查找小区名称、编号、网关', 'show': '显示', 'show.all': '全部', 'show.alerts': '有告警', 'show.offline': '离线', 'show.faults': '有设备无应答', 'show.n': '{what} {n}',
    'found': '共 {n} 个小区', 'found.of': '{n} 个小区，共 {all} 个', 'none': '没有符合条件的小区', 'hidden': '筛选条件挡住了 {n} 个', 'clear': '清除筛选', 'more': '再看 {n} 个',
    'alerts': '未办结告警', 'alerts.all': '这个小区的全部告警', 'contacts': '找谁', 'contacts.none': '还没有登记责任人。请在组织里补上。', 'contacts.org': '查看组织', 'as.shift': '当班', 'as.handover': '代班', 'as.owner': '责任人', 'as.deputy': 'B 角', 'as.fallback': '兜底联系人',
    'history': '30 天数据状态', 'history.hint': '每行一台设备；斜纹是没有数据，不是正常。', 'history.row': '{name}：有数据 {n} %', 'history.page': '{from} 到 {to} 台，共 {of} 台', 'history.before': '上一页', 'history.next': '下一页', 'history.loading': '正在读取',
    'nogateway': '还没有网关。', 'nogateway.hint': '先发一个注册码，再在网关上运行：', 'nogateway.ask': '请有安装权限的人发一个注册码，再在网关上运行：',
  },
  en: {
    'title': 'Sites', 'empty': 'No sites yet. A site appears here when its gateway connects for the first time.', 'online': 'Online', 'offline': 'Offline', 'lastseen': 'Last heard {at} ({for} ago)',
    'neverseen': 'Never heard from', 'open.untaken': 'Not taken', 'open.none': 'No open alerts', 'devices': '{total} devices', 'good': '{n} online', 'bad': '{n} silent', 'unseen': 'state not known', 'gateway': 'Gateway {id}',
    'gone': 'There is no such site, or you may not see it.', 'nodevices': 'This gateway has no devices yet. Scan its buses and claim devices on the gateway first.',
    'stalewarning': 'The gateway is offline; these are the values before {at}.',
    'search': 'Find a site, an id or a gateway', 'show': 'Show', 'show.all': 'all', 'show.alerts': 'with alerts', 'show.offline': 'offline', 'show.faults': 'with silent devices', 'show.n': '{what} {n}',
    'found': '{n} sites', 'found.of': '{n} sites of {all}', 'none': 'No site fits', 'hidden': 'The filters hide {n}', 'clear': 'Clear the filters', 'more': '{n} more',
    'alerts': 'Open alerts', 'alerts.all': 'All alerts of this site', 'contacts': 'Whom to call', 'contacts.none': 'Nobody is named yet. Please add it in the organisation.', 'contacts.org': 'See the organisation', 'as.shift': 'on shift', 'as.handover': 'stands in', 'as.owner': 'responsible', 'as.deputy': 'deputy', 'as.fallback': 'fallback',
    'history': '30 days of data', 'history.hint': 'A row for each device; hatched is no data, which is not the same as fine.', 'history.row': '{name}: data for {n} %', 'history.page': '{from} to {to} of {of} devices', 'history.before': 'Back', 'history.next': 'Next', 'history.loading': 'Reading',
    'nogateway': 'No gateway yet.', 'nogateway.hint': 'Make an enrolment token first, then run on the gateway:', 'nogateway.ask': 'Ask somebody who may install for an enrolment token, then run on the gateway:',
  },
})
