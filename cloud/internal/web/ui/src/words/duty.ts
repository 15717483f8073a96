import { words } from '../lib/i18n'

/** 班次与通知. */
export const say = words({
  zh: {
    'node': '哪个部门', 'now': '现在当班', 'roster': '排班', 'told': '通知谁', 'receivers': '通知渠道', 'tabs': '班次与通知',
    'nobody': '现在没有人当班，也没有责任人。请在组织文件里填写责任人。', 'role': '岗位', 'name': '姓名', 'as': '依据', 'until': '到', 'phone': '电话', 'days': '日期', 'hours': '时间', 'mode': '状态',
    'as.shift': '排班', 'as.handover': '交接', 'as.owner': '责任人', 'as.deputy': 'B 角', 'as.fallback': '兜底联系人', 'from.above': '{node}的班',
    'mode.ordinary': '平时', 'mode.emergency': '急时', 'mode.both': '平时和急时',
    'noroster': '这里没有排班。告警直接通知责任人。', 'roster.hint': '排班写在组织文件里，导入后生效。',
    'phones': '显示完整号码', 'phones.logged': '查看号码会记入审计。',
    'handover': '交班', 'handover.of': '{name} 的班交给谁？', 'handover.pick': '点一个人就交给他，到 {until}', 'handover.other': '别的人', 'handover.do': '交班', 'handover.need': '请填写接班人的姓名。',
    'handover.done': '已交班：{name} 接到 {until}。', 'handovers': '交接记录', 'handover.line': '{leaver} → {taker}（{role}）', 'handover.joined': '{taker} 加入（{role}）', 'handover.none': '没有交接记录。', 'note': '交代的话', 'optional': '（选填）',
    'loading': '正在读取当班',
    'ladder': '告警没人接时，依次通知', 'rung.first': '一发生', 'rung.next': '超时第 {n} 次', 'remind': '每 {for}提醒一次，最多 {n} 次', 'groups.only': '只发群',
    'tell.responsible': '责任人', 'tell.deputy': 'B 角', 'tell.street': '街道值班', 'by.group': '群', 'by.sms': '短信', 'by.voice': '电话', 'by.mail': '邮件',
    'receivers.none': '还没有通知渠道：告警只会显示在网页。', 'receivers.none.hint': '在 cloud.yaml 的 receivers 里添加企业微信、钉钉或飞书机器人，重启后生效。', 'receivers.shut': '地址和测试由管理员查看。', 'receivers.ask': '请管理员添加。在那之前，请开着网页等告警。', 'receivers.count': '{n} 条通知渠道', 'receivers.failing': '{n} 条上次没有发出',
    'kind.wecom': '企业微信', 'kind.dingtalk': '钉钉', 'kind.feishu': '飞书', 'kind.mail': '邮件', 'kind.webhook': 'Webhook', 'kind.sms': '短信', 'kind.voice': '电话',
    'severities': '级别', 'state': '状态', 'last': '最近一次', 'last.never': '还没有发过', 'waiting': '{n} 条待发', 'full': '限额已满，{for}后再发', 'ready': '可以发送', 'failed': '上次失败',
    'test': '发送测试', 'testing': '正在发送…', 'test.ok': '已送达，用时 {ms} 毫秒：{answer}', 'test.bad': '没有送达：{answer}', 'test.phone': '发给哪个手机号', 'sites.all': '全部小区',
  },
  en: {
    'node': 'Unit', 'now': 'On duty now', 'roster': 'Roster', 'told': 'Who is told', 'receivers': 'Receivers', 'tabs': 'Duty and notification',
    'nobody': 'Nobody is on duty now and nobody is responsible. Name an owner in the file of the organisation.', 'role': 'Role', 'name': 'Name', 'as': 'Source', 'until': 'Until', 'phone': 'Phone', 'days': 'Days', 'hours': 'Hours', 'mode': 'Mode',
    'as.shift': 'roster', 'as.handover': 'hand-over', 'as.owner': 'owner', 'as.deputy': 'deputy', 'as.fallback': 'fallback', 'from.above': 'stood in for by {node}',
    'mode.ordinary': 'ordinary', 'mode.emergency': 'emergency', 'mode.both': 'both',
    'noroster': 'There is no roster here. Alerts go to the owner.', 'roster.hint': 'The roster is in the file of the organisation; it counts after the import.',
    'phones': 'Show full phone numbers', 'phones.logged': 'Looking at numbers is recorded in the audit.',
    'handover': 'Hand over', 'handover.of': 'Who takes over from {name}?', 'handover.pick': 'Tap a person to hand over until {until}', 'handover.other': 'Somebody else', 'handover.do': 'Hand over', 'handover.need': 'Fill in who takes over.',
    'handover.done': 'Handed over: {name} until {until}.', 'handovers': 'Hand-overs', 'handover.line': '{leaver} → {taker} ({role})', 'handover.joined': '{taker} joined ({role})', 'handover.none': 'No hand-overs yet.', 'note': 'What the taker must know', 'optional': '(optional)',
    'loading': 'Reading who is on duty',
    'ladder': 'While nobody takes an alert, these are told', 'rung.first': 'At once', 'rung.next': 'Overdue, step {n}', 'remind': 'reminded every {for}, {n} times at most', 'groups.only': 'groups only',
    'tell.responsible': 'owner', 'tell.deputy': 'deputy', 'tell.street': 'street duty', 'by.group': 'group', 'by.sms': 'SMS', 'by.voice': 'call', 'by.mail': 'mail',
    'receivers.none': 'There is no receiver yet: alerts are shown on these pages only.', 'receivers.none.hint': 'Add a robot of WeCom, DingTalk or Feishu under receivers in cloud.yaml; it counts after a restart.', 'receivers.shut': 'Their addresses and tests are for administrators.', 'receivers.ask': 'Ask an administrator to add one. Until then keep a page open for alerts.', 'receivers.count': 'Receivers: {n}', 'receivers.failing': '{n} failed the last time',
    'kind.wecom': 'WeCom', 'kind.dingtalk': 'DingTalk', 'kind.feishu': 'Feishu', 'kind.mail': 'Mail', 'kind.webhook': 'Webhook', 'kind.sms': 'SMS', 'kind.voice': 'Call',
    'severities': 'Levels', 'state': 'State', 'last': 'Last', 'last.never': 'nothing sent yet', 'waiting': '{n} waiting', 'full': 'limit used up, sends again in {for}', 'ready': 'ready', 'failed': 'failed last time',
    'test': 'Send a test', 'testing': 'Sending…', 'test.ok': 'Delivered in {ms} ms: {answer}', 'test.bad': 'Not delivered: {answer}', 'test.phone': 'To which phone number', 'sites.all': 'all sites',
  },
})
