// The words of 一键上报 and of the resident's rating.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'kind': '看到了什么？', 'kind.fire': '火情烟雾', 'kind.gas': '燃气异味', 'kind.charging': '充电隐患', 'kind.passage': '消防通道堵塞', 'kind.door': '门禁异常', 'kind.water': '积水漏水', 'kind.device': '设备故障', 'kind.other': '其他',
    'danger': '有明火、有人受伤，先拨 119，再上报。', 'call': '拨打 119', 'site': '在哪里？', 'site.choose': '请选择小区', 'site.failed': '没有读到小区：{why}', 'place': '具体位置', 'place.hint': '几栋几单元、哪个车棚', 'text': '说明', 'text.hint': '可以只写一句', 'severity': '紧急程度', 'severity.auto': '按类型', 'photo': '照片', 'optional': '选填', 'submit': '上报', 'sending': '正在上报…',
    'need.kind': '请选择看到了什么。', 'need.site': '请选择在哪个小区。', 'unsent': '还没有发出去，已存在这台手机里，连上网络后自动再发。', 'unsent.n': '未发送 {n} 条', 'unsent.why': '没有收下：{why}', 'unsent.retry': '立即再发', 'unsent.of': '由 {who} 填写，{who} 登录后才会发出', 'unsent.drop': '丢弃', 'unsent.full': '这台手机存不下照片，只存了文字。',
    'thanks': '已收到，谢谢', 'thanks.number': '编号 {id}', 'thanks.next': '值班人员会马上看到，处置进度可以随时查看。', 'thanks.view': '看进度', 'thanks.again': '再报一条',
    'rate': '请您评价', 'rate.about': '“{title}”（{at}）已办结。', 'rate.1': '很不满意', 'rate.2': '不满意', 'rate.3': '一般', 'rate.4': '满意', 'rate.5': '很满意', 'rate.stars': '{n} 星', 'rate.words': '想说的话', 'rate.submit': '提交评价', 'rate.need': '请先点星。', 'rate.thanks': '谢谢您的评价', 'rate.given': '您给了 {n} 星：{word}。', 'rate.early': '还不能评价', 'rate.open': '这件事还没有办结，办结后再请您评价。', 'rate.dead': '这个评价链接已失效', 'rate.ask': '有话想说，可以联系您所在的社区或物业，或拨打 12345。', 'rate.loading': '正在打开',
  },
  en: {
    'kind': 'What do you see?', 'kind.fire': 'Fire or smoke', 'kind.gas': 'Smell of gas', 'kind.charging': 'Dangerous charging', 'kind.passage': 'Blocked fire lane', 'kind.door': 'Trouble with a door', 'kind.water': 'Water leak', 'kind.device': 'Broken device', 'kind.other': 'Something else',
    'danger': 'Open fire or somebody hurt: call 119 first, then report.', 'call': 'Call 119', 'site': 'Where?', 'site.choose': 'Please choose the site', 'site.failed': 'The sites could not be read: {why}', 'place': 'Exact place', 'place.hint': 'Building and entrance, which bicycle shed', 'text': 'In words', 'text.hint': 'One sentence is enough', 'severity': 'How urgent?', 'severity.auto': 'Usual for this kind', 'photo': 'Photos', 'optional': 'optional', 'submit': 'Report', 'sending': 'Sending…',
    'need.kind': 'Please choose what you see.', 'need.site': 'Please choose the site.', 'unsent': 'Not sent yet. It is kept on this phone and sent by itself when the connection is back.', 'unsent.n': 'Unsent: {n}', 'unsent.why': 'Not taken: {why}', 'unsent.retry': 'Send now', 'unsent.of': 'Written by {who}: it is sent when {who} signs in', 'unsent.drop': 'Discard', 'unsent.full': 'This phone has no room for the photos: only the words were kept.',
    'thanks': 'Received, thank you', 'thanks.number': 'Number {id}', 'thanks.next': 'Who is on duty sees it at once; you can follow what becomes of it.', 'thanks.view': 'Follow it', 'thanks.again': 'Report another one',
    'rate': 'Please rate', 'rate.about': '"{title}" ({at}) is closed.', 'rate.1': 'very dissatisfied', 'rate.2': 'dissatisfied', 'rate.3': 'so-so', 'rate.4': 'satisfied', 'rate.5': 'very satisfied', 'rate.stars': '{n} stars', 'rate.words': 'Comment', 'rate.submit': 'Send', 'rate.need': 'Please choose the stars first.', 'rate.thanks': 'Thank you', 'rate.given': 'You gave {n} of 5: {word}.', 'rate.early': 'Too early to rate', 'rate.open': 'This is not closed yet; please rate it afterwards.', 'rate.dead': 'This link no longer works', 'rate.ask': 'If you wish to say something, ask your community office or property manager, or call 12345.', 'rate.loading': 'Opening',
  },
})
