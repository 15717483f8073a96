// Words of 巡查 and 查岗.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'mine': '今日巡查', 'next': '下次巡查：{at} {place} {plan}', 'plans': '巡查计划', 'none': '今天没有巡查', 'none.hint': '计划随组织文件导入：巡查和巡查点各写一行',
    'plan.none': '还没有巡查计划', 'due': '{from} – {to}', 'seen': '{n} / {all} 个巡查点', 'open': '待完成', 'done': '已完成', 'late': '迟到完成', 'missed': '未完成', 'void': '作废（系统停机）',
    'points': '巡查点', 'walk': '去巡查', 'here': '到了，一切正常', 'here.code': '到了，输码签到', 'plan': '巡查', 'begins': '开始', 'lasts': '用时', 'lasts.line': '{n} 分钟内走完', 'views': '巡查的几种看法', 'week': '7 天内未完成', 'week.none': '7 天内没有漏巡', 'week.more': '更早的', 'none.yet': '到点自动生成，时间见“巡查计划”', 'view': '查看', 'again': '重新签到', 'unseen': '未到', 'full': '手机存储已满：发出去之前请不要关闭此页', 'found.need': '请写看到了什么', 'for.them': '有人在岗（代为应答）', 'are.they': '这里有人在岗吗？', 'random.hint': '用上面选的地方、岗位和应答时限，在时段内随机问', 'code': '巡查点码', 'code.hint': '输入巡查点牌上的码；牌子坏了就留空，会记为“点选”', 'note': '备注', 'photo': '拍照', 'photos': '已选 {n} 张照片',
    'found': '发现问题', 'found.kind': '是什么问题', 'found.text': '看到了什么', 'report': '上报并签到', 'at': '{at} 到 · {who}', 'by.code': '扫码', 'by.tap': '点选', 'unsent': '未发送：有网络时自动补发', 'checks': '检查：{list}', 'incident': '已上报 {id}', 'more': '备注、照片或发现问题',
    'kind.fire': '火情烟雾', 'kind.gas': '燃气异味', 'kind.charging': '充电隐患', 'kind.passage': '消防通道堵塞', 'kind.door': '门禁异常', 'kind.water': '积水漏水', 'kind.device': '设备故障', 'kind.other': '其他',
    'ask': '立即查岗', 'node': '哪里', 'role': '岗位', 'role.hint': '留空：谁当班问谁', 'minutes': '几分钟内应答', 'asked': '查岗记录', 'ask.none': '还没有查过岗', 'ask.none.hint': '选一个地方，点“立即查岗”；或设定时段，由系统随机抽查',
    'state.open': '等待应答', 'state.answered': '已应答', 'state.missed': '无应答', 'state.untold': '消息未送达，不计', 'source.hand': '{who} 手动', 'source.plan': '随机抽查', 'source.centre': '监控中心 {who}',
    'answered.at': '{name} {at} 应答', 'answered.for': '{who} {at} 代 {name} 应答', 'not.yet': '{name} 未应答', 'before': '{at} 前应答有效',
    'random': '随机查岗', 'hours': '时段', 'times': '每个时段至少几次', 'keep': '保存计划', 'random.line': '{hours} · 至少 {times} 次 · {minutes} 分钟内应答', 'random.none': '没有随机查岗', 'remove': '取消计划',
    'are.you': '您在岗吗？', 'i.am': '我在岗', 'thanks': '已应答，谢谢', 'too.late': '已经截止', 'too.late.hint': '这次按无应答记。人在岗的话，打电话告诉查岗的人。', 'too.late.untold': '查岗消息没有送达，这次不计。', 'gone': '没有这个查岗', 'role.any': '当班人员',
  },
  en: {
    'next': 'Next patrol: {at} {place} {plan}', 'mine': 'Rounds today', 'plans': 'Plans', 'none': 'No rounds today', 'none.hint': 'Plans come with the file of the organisation: a line for each patrol and checkpoint',
    'plan.none': 'There are no plans yet', 'due': '{from} – {to}', 'seen': '{n} of {all} checkpoints', 'open': 'to do', 'done': 'done', 'late': 'done late', 'missed': 'not done', 'void': 'void (system down)',
    'points': 'Checkpoints', 'walk': 'Start the round', 'here': 'I am here, all is well', 'here.code': 'I am here: type the code', 'plan': 'Patrol', 'begins': 'Begins', 'lasts': 'Takes', 'lasts.line': 'within {n} min', 'views': 'Views of the patrols', 'week': 'Missed in 7 days', 'week.none': 'Nothing was missed in 7 days', 'week.more': 'Earlier ones', 'none.yet': 'They are made when they begin: see "Plans"', 'view': 'Look', 'again': 'Check in anew', 'unseen': 'not seen', 'full': 'The phone has no room left: keep this page open until it is sent', 'found.need': 'Write what you see', 'for.them': 'Somebody is here', 'are.they': 'Is somebody on duty here?', 'random.hint': 'With the place, post and minutes above, at random moments of these hours', 'code': 'Code', 'code.hint': 'The code on the sign of the checkpoint; leave it empty when the sign is damaged, which is noted', 'note': 'Note', 'photo': 'Photo', 'photos': '{n} photos chosen',
    'found': 'Something is wrong', 'found.kind': 'What is it', 'found.text': 'What do you see', 'report': 'Report and check in', 'at': 'seen {at} · {who}', 'by.code': 'code', 'by.tap': 'tap', 'unsent': 'Not sent yet: it goes out when there is a network', 'checks': 'Look at: {list}', 'incident': 'reported as {id}', 'more': 'Note, photo or something wrong',
    'kind.fire': 'Fire or smoke', 'kind.gas': 'Smell of gas', 'kind.charging': 'Dangerous charging', 'kind.passage': 'Blocked fire lane', 'kind.door': 'Trouble with a door', 'kind.water': 'Water leak', 'kind.device': 'Broken device', 'kind.other': 'Something else',
    'ask': 'Ask now', 'node': 'Where', 'role': 'Post', 'role.hint': 'Empty: whoever is on duty', 'minutes': 'Minutes to answer', 'asked': 'Duty checks', 'ask.none': 'Nobody was asked yet', 'ask.none.hint': 'Choose a place and ask, or set hours in which the system asks at random',
    'state.open': 'waiting', 'state.answered': 'answered', 'state.missed': 'no answer', 'state.untold': 'no message arrived; not counted', 'source.hand': 'asked by {who}', 'source.plan': 'at random', 'source.centre': 'monitoring centre {who}',
    'answered.at': '{name} answered {at}', 'answered.for': '{who} answered {at} for {name}', 'not.yet': '{name} has not answered', 'before': 'an answer before {at} counts',
    'random': 'At random', 'hours': 'Hours', 'times': 'At least this many checks', 'keep': 'Save the plan', 'random.line': '{hours} · at least {times} · {minutes} min to answer', 'random.none': 'No random checks', 'remove': 'Remove',
    'are.you': 'Are you on duty?', 'i.am': 'I am here', 'thanks': 'Answered. Thank you', 'too.late': 'The time is over', 'too.late.hint': 'It counts as no answer. If you are there, call whoever asked.', 'too.late.untold': 'No message arrived: this one is not counted.', 'gone': 'There is no such check', 'role.any': 'whoever is on duty',
  },
})
