import { words } from '../lib/i18n'

/** What people did, as the audit writes it without a sentence of its own; "of.…": the groups to filter by. */
export const say = words({
  zh: {
    'session.begin': '登录', 'session.end': '退出或结束登录', 'user.add': '添加账号', 'user.grants': '改权限', 'user.lock': '密码错误太多，暂时锁定', 'user.password': '改密码', 'user.remove': '删除账号', 'user.unlock': '解锁',
    'order.give': '下达指令', 'order.read': '指令回执：已读', 'order.done': '指令回执：完成', 'duty.handover': '交班', 'roster.set': '改排班', 'duty_check.ask': '查岗', 'duty_check.answer': '应答查岗', 'duty_check.plan': '改随机查岗', 'patrol.check_in': '巡查签到',
    'mode.planned': '安排转急', 'mode.begun': '转为急时', 'mode.moved': '改急时结束时间', 'mode.ended': '恢复平时', 'mode.expired': '急时到点结束', 'org.import': '导入组织文件', 'org.export': '导出组织文件', 'org.outline': '导入边界', 'site.plan': '画平面图', 'site.plan_remove': '删除平面图', 'site.plan_picture': '更换平面图底图',
    'incident.report': '上报', 'incident.take': '接警', 'incident.close': '办结', 'incident.contacts': '查看联系电话', 'incident.merge': '并入', 'incident.split': '拆出', 'incident.revoke_links': '作废消息里的链接', 'photo.add': '上传照片', 'card.set': '改处置卡', 'clip.view': '查看录像', 'evidence.take': '下载证据包', 'evidence.expire': '证据到期删除',
    'gateway.invite': '邀请网关', 'gateway.enrol': '网关接入', 'gateway.renew': '网关换证书', 'gateway.renew_ok': '网关换好证书', 'gateway.revoke': '吊销网关', 'gateway.config': '下发网关配置', 'gateway.mode': '通知网关平急', 'calibration.put': '记录校准', 'dock.answer': '对接平台回复', 'retention.delete': '到期删除数据',
    'of': '哪类操作', 'of.all': '全部', 'of.incident': '告警处置', 'of.user': '账号与权限', 'of.session': '登录与退出', 'of.order': '指令', 'of.command': '远程操作设备', 'of.gateway': '网关', 'of.clip': '查看录像', 'of.mode': '平急', 'of.duty': '交班', 'of.duty_check': '查岗', 'of.patrol': '巡查', 'of.org': '组织文件',
  },
  en: {
    'session.begin': 'signed in', 'session.end': 'signed out', 'user.add': 'added an account', 'user.grants': 'changed rights', 'user.lock': 'too many wrong passwords: locked', 'user.password': 'changed a password', 'user.remove': 'removed an account', 'user.unlock': 'unlocked an account',
    'order.give': 'gave an order', 'order.read': 'receipt of an order: read', 'order.done': 'receipt of an order: done', 'duty.handover': 'handed over the shift', 'roster.set': 'changed the roster', 'duty_check.ask': 'asked a duty check', 'duty_check.answer': 'answered a duty check', 'duty_check.plan': 'changed random checks', 'patrol.check_in': 'checked in on a patrol',
    'mode.planned': 'planned an emergency', 'mode.begun': 'began an emergency', 'mode.moved': 'moved the end of an emergency', 'mode.ended': 'ended an emergency', 'mode.expired': 'an emergency ended in time', 'org.import': 'imported the organisation', 'org.export': 'exported the organisation', 'org.outline': 'imported outlines', 'site.plan': 'drew the plan of a site', 'site.plan_remove': 'removed the plan of a site', 'site.plan_picture': 'changed the picture of a plan',
    'incident.report': 'reported', 'incident.take': 'took an alert', 'incident.close': 'closed an alert', 'incident.contacts': 'looked at phone numbers', 'incident.merge': 'merged', 'incident.split': 'split', 'incident.revoke_links': 'revoked links in messages', 'photo.add': 'uploaded a photo', 'card.set': 'changed cards', 'clip.view': 'looked at a clip', 'evidence.take': 'took a bundle of evidence', 'evidence.expire': 'evidence deleted in time',
    'gateway.invite': 'invited a gateway', 'gateway.enrol': 'a gateway enrolled', 'gateway.renew': 'a gateway renews its certificate', 'gateway.renew_ok': 'a gateway has its new certificate', 'gateway.revoke': 'revoked a gateway', 'gateway.config': 'pushed a configuration', 'gateway.mode': 'told gateways of the mode', 'calibration.put': 'recorded a calibration', 'dock.answer': 'answer of a docked platform', 'retention.delete': 'deleted old data',
    'of': 'Which acts', 'of.all': 'All', 'of.incident': 'handling of alerts', 'of.user': 'accounts and rights', 'of.session': 'signing in and out', 'of.order': 'orders', 'of.command': 'moving devices from afar', 'of.gateway': 'gateways', 'of.clip': 'looking at clips', 'of.mode': 'emergencies', 'of.duty': 'hand-overs', 'of.duty_check': 'duty checks', 'of.patrol': 'patrols', 'of.org': 'organisation files',
  },
})

/** The groups in the order of the filter. */
export const groups = ['incident', 'user', 'session', 'order', 'command', 'gateway', 'clip', 'mode', 'duty', 'duty_check', 'patrol', 'org'] as const
