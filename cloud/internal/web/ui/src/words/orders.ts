// The words of 一键下达 and of its receipts.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'tab.mine': '等我回执', 'tab.all': '全部指令', 'tabs': '指令', 'give': '下达指令', 'give.node': '下达到', 'give.node.hint': '这个节点和它下面的所有人', 'give.text': '指令', 'give.text.hint': '要做什么，到哪里，注意什么', 'give.needs': '要什么回执', 'give.read': '已读即可', 'give.done': '做完再回', 'give.due': '时限', 'give.due.0': '不限', 'give.due.1': '1 小时', 'give.due.4': '4 小时', 'give.due.24': '1 天', 'give.due.72': '3 天', 'give.submit': '下达', 'need.node': '请选择下达到哪里。', 'need.text': '请写明指令。', 'given': '已下达，{n} 个回执。',
    'empty.mine': '没有等你回执的指令。', 'empty.all': '还没有下达过指令。', 'loading': '正在读取指令',
    'from': '{who} {at} 下达到 {place}', 'due': '{at} 前回执', 'due.left': '还剩 {for}', 'due.late': '已超时 {for}', 'due.none': '不限时', 'counts.read': '已读 {n}/{total}', 'counts.done': '完成 {n}/{total}', 'late': '到时未回 {n}',
    'sign.open': '去回执', 'sign.read': '已读', 'sign.done': '已完成', 'sign.for': '代 {place} 回执', 'sign.others': '你可以回执的：{n} 处', 'sign.self': '我自己', 'sign.note': '说明', 'sign.note.optional': '选填', 'signed.read': '{who} {at} 已读', 'signed.done': '{who} {at} 完成', 'signed.none': '还没有回执', 'progress': '谁已读、谁已完成', 'progress.close': '收起', 'progress.here': '本级', 'bar': '{name}：已读 {read}，完成 {done}，共 {total}', 'more': '还有更多，请由各网格自己回执。',
  },
  en: {
    'tab.mine': 'For me', 'tab.all': 'All orders', 'tabs': 'Orders', 'give': 'Give an order', 'give.node': 'To', 'give.node.hint': 'this node and everybody below it', 'give.text': 'Order', 'give.text.hint': 'What to do, where, what to mind', 'give.needs': 'What receipt', 'give.read': 'read is enough', 'give.done': 'when it is done', 'give.due': 'Time', 'give.due.0': 'no limit', 'give.due.1': '1 hour', 'give.due.4': '4 hours', 'give.due.24': '1 day', 'give.due.72': '3 days', 'give.submit': 'Give', 'need.node': 'Please choose to whom.', 'need.text': 'Please write the order.', 'given': 'Given; {n} receipts are asked for.',
    'empty.mine': 'No order waits for your receipt.', 'empty.all': 'No order has been given yet.', 'loading': 'Reading orders',
    'from': '{who}, {at}, to {place}', 'due': 'by {at}', 'due.left': '{for} left', 'due.late': 'overdue by {for}', 'due.none': 'no limit', 'counts.read': 'read {n}/{total}', 'counts.done': 'done {n}/{total}', 'late': '{n} missing when due',
    'sign.open': 'Give the receipt', 'sign.read': 'Read', 'sign.done': 'Done', 'sign.for': 'For {place}', 'sign.others': 'Receipts you can give: {n}', 'sign.self': 'Myself', 'sign.note': 'Note', 'sign.note.optional': 'optional', 'signed.read': 'read by {who}, {at}', 'signed.done': 'done by {who}, {at}', 'signed.none': 'no receipt yet', 'progress': 'Who has read, who has done it', 'progress.close': 'Fold', 'progress.here': 'at this level', 'bar': '{name}: read {read}, done {done}, of {total}', 'more': 'There are more: each grid gives its own.',
  },
})
