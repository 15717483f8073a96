// The words of what a gateway is asked now: trial reads, last frames, its diagnosis.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'trial': '试读与报文', 'trial.says': '经网关现在读一次，只读不写，不影响采集。谁读了什么记入审计。', 'trial.read': '试读', 'trial.again': '再读一次', 'trial.reading': '正在读…', 'trial.compare': '对照', 'trial.shows': '表计显示', 'trial.shows.of': '{point}：表计显示的数', 'trial.number': '请填数字，如 231.4', 'trial.match': '一致', 'trial.differs': '不一致', 'trial.at': '{at} 读到', 'trial.line': '{model} · 总线 {channel} · 地址 {address}', 'trial.none': '没有点位', 'trial.how': '把表计上看到的数填在右边，再按“对照”：网关会重读一次，并说差在哪里。',
    'value': '读数', 'raw': '原始', 'register': '寄存器', 'took': '应答', 'ms': '{n} 毫秒',
    'frames': '最近 10 帧报文', 'frames.read': '取最近报文', 'frames.again': '重新取', 'frames.reading': '正在取…', 'frames.at': '{at} 取自网关', 'frames.none': '网关启动后还没有问过这台设备', 'frames.save': '下载文本', 'frames.out': '请求', 'frames.in': '应答', 'frames.nothing': '没有收到任何字节', 'frames.cut': '（已截短）',
    'frame.ok': '正确', 'frame.timeout': '没有应答', 'frame.corrupt': '校验错', 'frame.mismatch': '答非所问', 'frame.refused': '设备拒绝（异常码 {code}）', 'frame.channel_down': '总线断开', 'frame.other': '出错：{why}',
  },
  en: {
    'trial': 'Trial read and frames', 'trial.says': 'Read once now through the gateway: nothing is written, and polling goes on. Who read what is kept in the audit.', 'trial.read': 'Read now', 'trial.again': 'Read again', 'trial.reading': 'Reading…', 'trial.compare': 'Compare', 'trial.shows': 'Display shows', 'trial.shows.of': '{point}: the number on the display', 'trial.number': 'A number please, such as 231.4', 'trial.match': 'match', 'trial.differs': 'mismatch', 'trial.at': 'read {at}', 'trial.line': '{model} · line {channel} · address {address}', 'trial.none': 'No points', 'trial.how': 'Type what the meter\'s display shows and press Compare: the gateway reads once more and says where the difference comes from.',
    'value': 'Value', 'raw': 'Raw', 'register': 'Register', 'took': 'Answered in', 'ms': '{n} ms',
    'frames': 'Last 10 frames', 'frames.read': 'Fetch the last frames', 'frames.again': 'Fetch again', 'frames.reading': 'Fetching…', 'frames.at': 'from the gateway {at}', 'frames.none': 'The gateway has not asked this device since it started', 'frames.save': 'Download as text', 'frames.out': 'Request', 'frames.in': 'Answer', 'frames.nothing': 'not one byte came', 'frames.cut': '(cut short)',
    'frame.ok': 'right', 'frame.timeout': 'no answer', 'frame.corrupt': 'checksum wrong', 'frame.mismatch': 'not the answer to this', 'frame.refused': 'refused (exception {code})', 'frame.channel_down': 'line down', 'frame.other': 'wrong: {why}',
  },
})
