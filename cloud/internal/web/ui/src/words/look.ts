// The words of a camera that is opened live.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'title': '实时画面', 'reason': '为什么看', 'reason.incident': '核实告警 {id}', 'reason.missing': '请写明查看的理由', 'open': '看实时画面', 'opening': '正在打开…', 'left': '还剩 {n} 秒', 'close': '关闭画面', 'over': '已结束。每次最多 {n} 秒。', 'again': '再看一次', 'of': '{name}的实时画面',
    'noted': '每次最多 60 秒。谁看、为什么看会记录在审计里，也显示在现场的网关上。', 'offline': '摄像头没有画面', 'broken': '这个浏览器放不了这个摄像头的画面（{type}）。',
  },
  en: {
    'title': 'Live picture', 'reason': 'Why you look', 'reason.incident': 'To verify alert {id}', 'reason.missing': 'Please say why you look', 'open': 'Look live', 'opening': 'Opening…', 'left': '{n} s left', 'close': 'Close', 'over': 'It is over: {n} s at most each time.', 'again': 'Look again', 'of': 'Live picture of {name}',
    'noted': '60 s at most each time. Who looks and why is kept in the audit, and is shown on the gateway at the site.', 'offline': 'The camera gives no picture', 'broken': 'This browser cannot play this camera ({type}).',
  },
})
