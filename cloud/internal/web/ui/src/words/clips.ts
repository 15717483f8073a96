// The words of what cameras saw.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'title': '摄像头看到的', 'play': '播放片段', 'still': '第 {s} 秒静帧', 'around': '告警前 {before} 秒至后 {after} 秒', 'of': '{name}的片段', 'still.of': '{name}的静帧', 'watched': '查看会记录在审计里。',
    'uploading': '片段还在上传 {n} %', 'refused': '没有通过校验，不能作为证据：{why}', 'expired': '已过保存期，片段已删除，校验值还在。', 'noright': '看片段需要“看录像”的权限，请联系社区或街道值守。', 'broken': '这个浏览器放不了这段片段（{type}）。', 'failed': '没有放出来。可能连接断了，或片段已过期。', 'bundle': '下载证据包', 'again': '重试',
    'missing.clip': '摄像头 {camera} 没有片段：{why}', 'missing.still': '摄像头 {camera} 缺一张静帧：{why}', 'missing.readings': '前后的读数不完整：{why}', 'why.the gateway\'s disk is full': '网关磁盘已满', 'why.the camera has no connection': '摄像头没有连上', 'why.no picture of that time': '那时没有画面',
    'clock.gateway': '网关时钟', 'clock.camera': '摄像头时钟', 'clock.none': '没有报时', 'clock.ahead': '快 {s} 秒', 'clock.behind': '慢 {s} 秒', 'clock.same': '一致', 'sha': '校验值 SHA-256', 'copy': '复制', 'copied': '已复制', 'copy.failed': '请长按选中后复制', 'holes': '中间缺 {for}：{why}', 'interrupted': '提前结束：{why}', 'facts': '时钟与校验', 'size': '{w}×{h}，{mb} MB',
    'hold.begin': '长期保留证据', 'hold.release': '解除保留', 'hold.do': '保留', 'hold.undo': '解除', 'hold.on': '证据长期保留：{reason}（{who}，{at}）', 'hold.reason': '为什么保留', 'hold.hint': '如：业主争议、消防调查、保险理赔', 'hold.need': '请写明理由', 'hold.rule': '到期后也不删除，直到有人解除。谁保留、为什么，记在审计里。', 'hold.end': '解除后，已过保存期的片段当天就会删除。',
  },
  en: {
    'title': 'What cameras saw', 'play': 'Play the clip', 'still': 'Still, {s} s after', 'around': '{before} s before to {after} s after the alert', 'of': 'Clip of {name}', 'still.of': 'Still of {name}', 'watched': 'Looking at it is recorded in the audit.',
    'uploading': 'The clip is still coming: {n} %', 'refused': 'It did not pass the check and is no evidence: {why}', 'expired': 'Its time is over and the clip is gone; its checksum is kept.', 'noright': 'To see clips needs the right to see pictures: ask the community office or the street\'s desk.', 'broken': 'This browser cannot play it ({type}).', 'failed': 'It did not play: the line may be down, or the clip has expired.', 'bundle': 'Download the evidence', 'again': 'Try again',
    'missing.clip': 'No clip of camera {camera}: {why}', 'missing.still': 'A still of camera {camera} is missing: {why}', 'missing.readings': 'The readings around it are not complete: {why}', 'why.the gateway\'s disk is full': 'the gateway\'s disk is full', 'why.the camera has no connection': 'the camera was not connected', 'why.no picture of that time': 'there was no picture then',
    'clock.gateway': 'Gateway\'s clock', 'clock.camera': 'Camera\'s clock', 'clock.none': 'it did not say', 'clock.ahead': '{s} s ahead', 'clock.behind': '{s} s behind', 'clock.same': 'the same', 'sha': 'SHA-256', 'copy': 'Copy', 'copied': 'Copied', 'copy.failed': 'Please select and copy it', 'holes': '{for} are missing: {why}', 'interrupted': 'Ended early: {why}', 'facts': 'Clocks and checksum', 'size': '{w}×{h}, {mb} MB',
    'hold.begin': 'Keep the evidence', 'hold.release': 'Let it go', 'hold.do': 'Keep', 'hold.undo': 'Let it go', 'hold.on': 'Kept beyond its time: {reason} ({who}, {at})', 'hold.reason': 'Why it must stay', 'hold.hint': 'Such as a dispute, an inquiry, an insurance claim', 'hold.need': 'Please say why', 'hold.rule': 'It is not deleted when its time is over, until somebody lets it go. Who keeps it and why is in the audit.', 'hold.end': 'Clips whose time is over are then deleted the same day.',
  },
})
