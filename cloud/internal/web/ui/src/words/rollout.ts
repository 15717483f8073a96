import { words } from '../lib/i18n'

/** Words of the upgrade of gateways, ring by ring. */
export const say = words({
  zh: {
    'title': '程序升级', 'none': '还没有下发过升级', 'to': '升级到 {version}', 'by': '{who} · {at} · {reason}', 'state.running': '进行中', 'state.done': '全部已升级', 'state.stopped': '已停止',
    'ring.1': '第 1 圈：1 台', 'ring.2': '第 2 圈：5 %', 'ring.3': '第 3 圈：全部', 'ring.has': '已升级 {n} / {of}', 'ring.later': '未轮到 · {of} 台', 'ring.empty': '没有网关', 'auto': '每圈正常运行 {for} 后自动进入下一圈', 'byhand': '由人决定何时进入下一圈',
    'worse': '没有升级成的网关', 'worse.more': '还有 {n} 台', 'trouble.reverted': '退回旧版', 'trouble.refused': '网关拒绝', 'no.why': '网关没有说明原因',
    'next': '进入第 {ring} 圈', 'stop': '停止升级', 'resume': '从第 {ring} 圈继续', 'start': '下发升级', 'publish': '升级文件由厂商签名，只能在云端服务器上用命令发布（网页不收文件）：', 'publish.none': '还没有发布过版本。', 'no.key': '云端不知道厂商的公钥：先在 cloud.yaml 的 update.key 写上，才能发布版本。',
    'version': '版本', 'option.again': '{version} · 上次下发的', 'machines': '适合 {machines}', 'step': '进入下一圈', 'step.0': '由人决定', 'step.360': '正常 6 小时后自动', 'step.1440': '正常 24 小时后自动', 'step.4320': '正常 3 天后自动', 'watch': '每台网关的观察时间', 'watch.hint': '这段时间内不正常，网关自己退回旧版，升级随之停止', 'watch.10': '10 分钟', 'watch.60': '1 小时', 'watch.360': '6 小时',
    'reason': '理由（记入审计）', 'reason.need': '请写明理由。', 'go.on': '下一步', 'edit': '返回修改', 'again': '请再输入一次版本号 {version}', 'again.wrong': '和 {version} 不一样', 'sure.start': '开始下发', 'sure.next': '确认进入第 {ring} 圈', 'sure.resume': '确认继续',
    'says.start': '先升级 1 台网关。它等没有告警和动作的时候重启程序，采集中断约几秒，本地规则随后继续。', 'says.over': '正在下发的 {version} 到此为止：还没有升级的网关不再收到它。', 'says.early': '这一圈还有 {n} 台没有升级成。', 'says.next': '接着升级 {n} 台网关，它们会各自等合适的时机重启程序。', 'says.resume': '之前停止的原因：{why} 继续后，这一圈还没有升级的 {n} 台网关会收到它。已退回或拒绝的网关不会再试。', 'says.stop': '还没有开始的网关不再收到这个版本；已升级的保持不变。',
  },
  en: {
    'title': 'Program update', 'none': 'No update has been rolled out yet', 'to': 'Update to {version}', 'by': '{who} · {at} · {reason}', 'state.running': 'under way', 'state.done': 'all are updated', 'state.stopped': 'stopped',
    'ring.1': 'Ring 1: one gateway', 'ring.2': 'Ring 2: 5 %', 'ring.3': 'Ring 3: all', 'ring.has': '{n} of {of} updated', 'ring.later': 'not yet · {of} gateways', 'ring.empty': 'no gateway', 'auto': 'The next ring follows by itself when this one was well for {for}', 'byhand': 'A person decides when the next ring follows',
    'worse': 'Gateways that did not keep it', 'worse.more': '{n} more', 'trouble.reverted': 'went back', 'trouble.refused': 'refused', 'no.why': 'the gateway gave no reason',
    'next': 'Go to ring {ring}', 'stop': 'Stop the update', 'resume': 'Go on with ring {ring}', 'start': 'Roll an update out', 'publish': 'Update files are signed by the vendor and published on the cloud\'s own machine, by command (this page takes no files):', 'publish.none': 'No version is published yet.', 'no.key': 'This cloud does not know the vendor\'s public key: name it in cloud.yaml as update.key, then versions can be published.',
    'version': 'Version', 'option.again': '{version} · rolled out last', 'machines': 'for {machines}', 'step': 'Next ring', 'step.0': 'when a person says so', 'step.360': 'by itself after 6 good hours', 'step.1440': 'by itself after 24 good hours', 'step.4320': 'by itself after 3 good days', 'watch': 'Each gateway watches it for', 'watch.hint': 'When it does not do well in this time the gateway goes back by itself, and the update stops', 'watch.10': '10 min', 'watch.60': '1 h', 'watch.360': '6 h',
    'reason': 'Reason (for the audit log)', 'reason.need': 'Please give the reason.', 'go.on': 'Next', 'edit': 'Back', 'again': 'Type the version {version} once more', 'again.wrong': 'This is not {version}', 'sure.start': 'Begin', 'sure.next': 'Yes, go to ring {ring}', 'sure.resume': 'Yes, go on',
    'says.start': 'One gateway first. It restarts its program when no alert and no action is under way; readings pause for some seconds, then its rules go on.', 'says.over': '{version}, which is being rolled out, ends here: gateways that do not have it will not get it.', 'says.early': '{n} gateways of this ring are not updated.', 'says.next': '{n} gateways follow. Each restarts its program when the moment is good.', 'says.resume': 'It was stopped because: {why} When it goes on, {n} gateways of this ring that do not have it will get it. Those that went back or refused do not try again.', 'says.stop': 'Gateways that have not begun will not get this version; those that have it keep it.',
  },
})
