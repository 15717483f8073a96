import { words } from '../lib/i18n'

/** Words of the start page of the demo. */
export const say = words({
  zh: {
    'title': '一条演示的街道', 'lead': '不连接任何外部服务。三个角色各看一页：',
    'phone': '物业手机', 'phone.what': '收到告警，一键接警，照着处置卡做。', 'phone.figure': '条待办', 'phone.more': '处理中 {n} · 已办结 {closed}', 'phone.open': '打开手机页', 'phone.picture': '第一条待办', 'phone.empty': '现在没有待办',
    'wall': '指挥中心', 'wall.what': '一屏看全街道：哪里不正常，谁还没接。', 'wall.figure': '个小区', 'wall.more': '不正常 {odd}，其中离线 {off}', 'wall.open': '打开大屏',
    'box': '安装调试', 'box.what': '网关自己的页面：没有云也能扫描、认领、试读、交付。', 'box.figure': '台设备在线', 'box.more': '网关 {id} · 最近数据 {at}', 'box.open': '打开网关', 'box.none': '这次演示没有带网关。', 'box.off': '网关离线', 'box.on': '在线', 'box.share': '有新读数的设备 {n}/{all}',
    'maps': '四张图', 'reading': '正在读取', 'together': '手机和大屏同时打开：手机上接警，大屏一秒内跟着变。',
  },
  en: {
    'title': 'A street to try', 'lead': 'Nothing outside is connected. Three roles, a page each:',
    'phone': 'Property manager\'s phone', 'phone.what': 'An alert comes, one tap takes it, the card says what to do.', 'phone.figure': 'to do', 'phone.more': 'in hand {n} · closed {closed}', 'phone.open': 'Open the phone\'s page', 'phone.picture': 'The first to do', 'phone.empty': 'Nothing to do now',
    'wall': 'Command centre', 'wall.what': 'The street at one glance: what is wrong where, and what nobody has taken.', 'wall.figure': 'sites', 'wall.more': 'not normal {odd}, {off} of them offline', 'wall.open': 'Open the wall',
    'box': 'Installer', 'box.what': 'The gateway\'s own page: scan, claim, try and hand over without the cloud.', 'box.figure': 'devices online', 'box.more': 'gateway {id} · newest data {at}', 'box.open': 'Open the gateway', 'box.none': 'This demo has no gateway of its own.', 'box.off': 'gateway offline', 'box.on': 'online', 'box.share': 'devices with fresh readings {n}/{all}',
    'maps': 'Four maps', 'reading': 'Reading', 'together': 'Open phone and wall at once: what is taken on the phone changes on the wall within a second.',
  },
})
