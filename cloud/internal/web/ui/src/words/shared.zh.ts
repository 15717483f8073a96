// The words that an alert and many other pages need, in Chinese; each language comes by itself (lib/i18n.ts).
export const sharedZh = {
  /** An alert’s own page. */
  alert: {
    'alert.why': '为什么报警', 'alert.latched': '读数正常后也不会自动消除：现场确认安全后，在现场网关自带的页面上（不是这里）按“现场复位”。', 'alert.came': '{at} 才收到', 'alert.snooze': '静默这台设备', 'alert.rule': '规则 {id}', 'alert.seen': '规则看到的值', 'alert.parts': '规则逐条判断', 'alert.todo': '现在做什么', 'alert.chart': '曲线', 'alert.steps': '过程', 'alert.auto': '自动处置', 'alert.where': '地点', 'alert.state.active': '告警中',
    'alert.previous': '24 小时内发生过：{id}，{at} 办结为{outcome}', 'alert.previous.open': '24 小时内发生过：{id}，还没有办结', 'alert.nocard': '这类告警还没有处置卡。先到现场看情况，有火、有烟、有人受伤立即拨 119。', 'alert.gone': '没有这条告警',
    'alert.gone.hint': '编号可能写错了，或已过保存期，或不在你负责的范围。需要看请找管理员。', 'alert.gone.link': '回到待办', 'alert.loading': '正在读取告警',
  },
  /** Points, and reasons why there is no value; the words on the left are those of profiles, rules and drivers. */
  names: {
    'point.health': '可信度',
    'point.power': '功率', 'point.current': '电流', 'point.voltage': '电压', 'point.energy': '电量', 'point.relay': '继电器', 'point.temperature': '温度', 'point.plugged': '插头', 'point.frequency': '频率',
    'point.power_factor': '功率因数', 'point.voltage_l1': 'A 相电压', 'point.voltage_l2': 'B 相电压', 'point.voltage_l3': 'C 相电压', 'point.current_l1': 'A 相电流', 'point.current_l2': 'B 相电流', 'point.current_l3': 'C 相电流',
    'point.power_l1': 'A 相功率', 'point.power_l2': 'B 相功率', 'point.power_l3': 'C 相功率', 'point.level': '燃气浓度', 'point.status': '状态', 'point.open': '阀门', 'point.on': '声光', 'point.contact': '门', 'point.lock': '锁',
    'point.rex': '出门按钮', 'point.tamper': '防拆', 'point.fire': '消防联动', 'point.connected': '连接', 'point.fps': '帧率', 'point.bitrate': '码率', 'point.keyframe_age': '关键帧间隔', 'point.frozen': '画面', 'point.state': '画面状态',
    'point.black': '遮挡/黑屏', 'point.collapsed': '码流塌陷', 'point.stuttering': '卡顿', 'point.bitrate_ratio': '码率与平时之比', 'point.connect_ms': '连接用时', 'point.first_key_ms': '首个关键帧用时', 'point.keyframe_interval': '关键帧间距',
    'point.width': '画面宽', 'point.height': '画面高', 'point.size_changes': '画面尺寸变化次数', 'point.rtp_drift': '码流时钟漂移', 'point.clock_offset': '时钟偏差', 'point.answering': '应答的设备', 'point.devices': '线上的设备',
    'point.up': '线路', 'point.uptime': '运行时间', 'point.backlog_events': '待传事件', 'point.backlog_telemetry': '待传数据', 'point.disk_free': '可用磁盘', 'point.buffer_time': '断网可存', 'point.session.active': '正在充电', 'point.session.duration': '本次充电时长',
    'point.session.energy': '本次充电量', 'point.session.peak': '本次最大功率', 'point.session.knee': '已进入降流', 'point.session.tail': '浮充时长', 'point.session.flat': '满功率时长', 'point.session.capacity': '电池容量',
    'reason.timeout': '没有应答', 'reason.corrupt': '校验错误', 'reason.mismatch': '应答不对应', 'reason.refused': '设备拒绝', 'reason.no_such_point': '设备没有这个点位', 'reason.channel_down': '线路不通', 'reason.not_read': '暂停读取，稍后再试',
    'reason.unsupported': '驱动不支持', 'reason.out_of_range': '超出合理范围', 'reason.rate_exceeded': '变化过快', 'reason.stuck': '长时间不变', 'reason.sensor_fault': '传感器故障', 'reason.sensor_expired': '传感器到期',
    'reason.warming_up': '预热中', 'reason.shielded': '被屏蔽或未接', 'reason.over_range': '超过量程', 'reason.under_range': '低于量程', 'reason.auth_failed': '用户名或密码不对', 'reason.frozen': '画面不动',
    'reason.driver_crashed': '驱动程序退出', 'reason.gateway_off': '网关未运行', 'reason.device_busy': '设备忙', 'reason.missing': '没有记录', 'reason.evicted': '网关存储已满，旧数据被清除', 'reason.damaged': '网关存储损坏',
    'reason.rejected': '数据被拒收', 'reason.write_failed': '网关写盘失败', 'reason.gateway_offline': '网关离线', 'reason.unknown': '原因不明', 'reason.not_configured': '当时还没有接入这台设备', 'reason.bus_down': '总线不通',
    'reason.device_silent': '设备不应答', 'reason.link_down': '网关连不上，数据在网关里', 'reason.late': '正在补传', 'reason.parked': '云端暂存，没能处理', 'reason.power_cut': '断电时没来得及存盘', 'reason.restored': '网关恢复过旧磁盘',
    'reason.clock_unknown': '网关时钟不准，时间对不上', 'reason.unexplained': '查不出原因',
  },
  /** An alert’s page and the desk: steps, limits, axes, tabs. */
  desk: {
    'tab.detail': '详情', 'tab.flow': '流程图',
    'tabs': '这条告警的两种看法',
    'call': '联系', 'more': '更多操作', 'merge': '并入另一条告警', 'more.title': '还可以做什么',
    'waiting': '现在没有需要你做的。', 'waiting.for': '等 {who} 处理。',
    'finished.wait': '已报处置完毕，等待核查。',
    'axes': '状态', 'axes.condition': '现场', 'axes.handling': '办理', 'axes.open': '未接警', 'axes.none': '无传感器', 'axes.to': '{who} 承办', 'axes.by': '{who} 承办', 'axes.suspended': '已挂起至 {at}，{who}', 'axes.disputed': '申请退单',
    'axes.urged': '督办 {n} 次', 'axes.reworked': '退回 {n} 次', 'axes.maintenance': '设备故障', 'axes.complaint': '来电投诉', 'axes.person': '人工上报', 'axes.merged': '已并入 {id}',
    'due': '{what}还剩 {for}',
    'late': '{what}超时 {for}',
    'due.none': '无时限',
    'next.verified': '接警', 'next.accepted': '受理', 'next.dispatched': '分拨', 'next.in_progress': '开始处置', 'next.finished': '处置完毕', 'next.checked': '核查', 'next.closed': '归档',
    'step.reported': '上报', 'step.verified': '核实', 'step.accepted': '受理', 'step.dispatched': '分拨', 'step.in_progress': '处置', 'step.checked': '核查', 'step.closed': '归档', 'step.rated': '评价', 'step.finished': '完毕',
    'rail': '办理进度', 'rail.now': '现在', 'rail.late': '超时',
    'evidence': '现场证据',
    'photo.alt': '{who} {at} 拍的照片', 'photo.big': '放大照片',
    'field.whistle.1': '常规哨：网格、物业', 'field.whistle.2': '联合哨：街道各部门', 'field.whistle.3': '攻坚哨：区级',
    'ratelink': '请居民评价', 'ratelink.title': '居民评价链接', 'ratelink.text': '把这条链接发给居民，30 天内可评价一次：', 'ratelink.nopublic': '还发不出去：系统没有设置对外网址。请管理员在配置里填 public_url，再来复制链接。这次的密钥是：',
  },
  /** Curves. */
  chart: {
    'limit': '阈值 {value}', 'span': '告警区间', 'gap': '无数据', 'suspect': '有存疑或无效值', 'downsampled': '点数已合并，保留最小和最大值', 'none': '这段时间没有数据。', 'gapat': '无数据：{why}', 'gapat.plain': '无数据',
    'label': '{name}曲线，{from} 到 {to}，最小 {min}，最大 {max}{limit}', 'label.empty': '{name}曲线，这段时间没有数据', 'pick': '选择点位', 'range': '时间范围', 'hours': '近 {n} 小时', 'loading': '正在读取曲线', 'latest': '最新',
  },
  /** Devices, the quality of values, lines of a timeline, small deeds. */
  common: {
    'kind.gas': '燃气探测器', 'kind.socket': '充电插座', 'kind.valve': '燃气阀', 'kind.siren': '声光报警器', 'kind.door': '门禁', 'kind.camera': '摄像机', 'kind.meter': '电表', 'kind.co': '一氧化碳探测器', 'kind.rcd': '剩余电流监测', 'kind.reader': '读卡器',
    'kind.relay': '继电器', 'kind.sensor': '环境传感器', 'kind.gas_log': '燃气报警记录', 'kind.incident': '告警处置', 'kind.site': '小区', 'kind.zone': '区域', 'kind.gateway': '网关', 'kind.channel': '总线', 'kind.other': '其他设备',
    'device.all': '全部 {n} 个点位', 'device.shows': '表上显示 {value}', 'device.points': '点位', 'device.gone': '没有这台设备，或者你看不到它。', 'device.offline.since': '{at} 起离线', 'device.nopoints': '还没有读到任何点位。', 'step.fired': '触发',
    'step.action': '联动', 'step.notified': '通知', 'step.taken': '接警', 'step.recovered': '恢复', 'step.closed': '办结', 'step.note': '备注', 'step.severity': '改级', 'step.overdue': '超时',
    'step.step': '办理', 'step.other': '其他', 'quality.good': '良好', 'quality.uncertain': '存疑', 'quality.bad': '无效', 'quality.stale': '过期', 'stale.why': '数据过期',
    'act.phones': '显示完整号码', 'act.call': '打电话给{name}', 'act.busy': '正在提交…', 'act.details': '详情', 'part.more': '再看一些',
  },
}
