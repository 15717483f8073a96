// The words of the forms of deeds.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'outcome.real.hint': '确有其事，已处理', 'outcome.false_alarm.hint': '没有发生，规则或阈值不合适', 'outcome.drill.hint': '事先安排的测试', 'outcome.device_fault.hint': '传感器或线路坏了',
    'field.note': '说明', 'field.note.active': '为什么现在办结（必填）', 'field.note.hint': '看到了什么，做了什么', 'field.photo': '照片', 'field.measured': '实测值', 'field.measured.name': '测了什么', 'field.measured.value': '数值', 'field.measured.unit': '单位',
    'field.measured.add': '加一个实测值', 'field.to': '交给谁', 'field.to.loading': '正在读取可选的人和部门', 'field.to.person': '人员', 'field.to.team': '应急队伍', 'field.to.node': '部门和网格', 'field.until': '到什么时候', 'field.until.1': '1 小时',
    'field.until.4': '4 小时', 'field.until.24': '1 天', 'field.until.168': '7 天', 'field.until.hint': '到时自动恢复办理，最长 30 天', 'field.whistle': '哨级', 'field.outcome': '结果是什么？', 'field.rating': '满意度', 'field.severity': '定级',
    'field.severity.keep': '不改', 'field.optional': '选填', 'field.evidence': '文字、照片、实测值，至少一项',
    'hint.dispute': '为什么不归你办，应该归谁', 'hint.urge': '催什么，几点前要结果', 'hint.assign': '为什么转给他，要做什么', 'hint.dispatch': '要做什么，注意什么', 'hint.whistle': '为什么要上一级来', 'hint.suspend': '等什么：配件、施工、住户在家', 'hint.reject': '怎么看出是误报', 'hint.rework': '哪里没有办好', 'hint.reopen': '为什么要重办',
    'need.note': '请写明原因或情况。', 'need.photo': '请拍一张照片。', 'need.measured': '请填实测值。', 'need.to': '请选择交给谁。', 'need.until': '请选择到什么时候。', 'need.whistle': '请选择哨级。', 'need.outcome': '请选择一个结果。', 'need.rating': '请打分。',
    'need.severity': '请定级。', 'need.evidence': '请至少留一项现场情况：文字、照片或实测值。', 'need.upload': '照片还在上传，请稍等。', 'need.photos': '有 {n} 张照片没有传上去：点“再试一次”，或点“去掉”后不带照片提交。',
    'active': '告警还没有恢复。现在办结不会让它消失，请写明为什么。',
    'photo.take': '拍照或选照片', 'photo.shrinking': '正在缩小', 'photo.sending': '上传 {n} %', 'photo.failed': '没有传上去：{why}', 'photo.bad': '这不是照片，换一张。', 'photo.remove': '去掉', 'photo.sent': '已上传', 'photo.kept': '随上报一起发送',
  },
  en: {
    'outcome.real.hint': 'It happened and was dealt with', 'outcome.false_alarm.hint': 'Nothing happened; rule or limit does not fit', 'outcome.drill.hint': 'A planned test', 'outcome.device_fault.hint': 'Sensor or wiring is broken',
    'field.note': 'Note', 'field.note.active': 'Why you close it now (required)', 'field.note.hint': 'What you saw, what you did', 'field.photo': 'Photos', 'field.measured': 'Measured', 'field.measured.name': 'What', 'field.measured.value': 'Value',
    'field.measured.unit': 'Unit', 'field.measured.add': 'Add a measured value', 'field.to': 'To whom', 'field.to.loading': 'Reading people and departments', 'field.to.person': 'People',
    'field.to.team': 'Emergency teams', 'field.to.node': 'Departments and grids', 'field.until': 'Until when', 'field.until.1': '1 hour', 'field.until.4': '4 hours', 'field.until.24': '1 day',
    'field.until.168': '7 days', 'field.until.hint': 'It goes on by itself then; 30 days at most', 'field.whistle': 'Whistle', 'field.outcome': 'What was it?', 'field.rating': 'Satisfaction', 'field.severity': 'Level',
    'field.severity.keep': 'as it is', 'field.optional': 'optional', 'field.evidence': 'a note, a photo or a measured value, at least one',
    'hint.dispute': 'Why it is not yours, and whose it is', 'hint.urge': 'What is urgent, and by when', 'hint.assign': 'Why to them, and what to do', 'hint.dispatch': 'What to do, what to mind', 'hint.whistle': 'Why those above are needed', 'hint.suspend': 'What it waits for: a part, a repair, somebody at home', 'hint.reject': 'How you know that nothing happened', 'hint.rework': 'What is not done well', 'hint.reopen': 'Why it must be handled again',
    'need.note': 'Please say why, or what you saw.', 'need.photo': 'Please take a photo.', 'need.measured': 'Please give the measured value.', 'need.to': 'Please choose to whom.',
    'need.until': 'Please choose until when.', 'need.whistle': 'Please choose the whistle.', 'need.outcome': 'Please choose an outcome.', 'need.rating': 'Please rate.', 'need.severity': 'Please choose the level.',
    'need.evidence': 'Please leave some evidence: a note, a photo or a measured value.', 'need.upload': 'A photo is still being uploaded.', 'need.photos': 'Photos not uploaded: {n}. Try again, or remove them to go without.',
    'active': 'The alert is still going on. Closing it now does not end it: please say why.',
    'photo.take': 'Take or choose a photo', 'photo.shrinking': 'Shrinking', 'photo.sending': 'Uploading {n} %', 'photo.failed': 'Not uploaded: {why}', 'photo.bad': 'This is no photo: choose another one.',
    'photo.remove': 'Remove', 'photo.sent': 'Uploaded', 'photo.kept': 'Goes with the report',
  },
})
