import { words } from '../lib/i18n'

/** Words of the four maps. */
export const say = words({
  zh: {
    'views': '同一条街道的四张图', 'view.state': '态势图', 'view.resource': '资源图', 'view.duty': '责任图', 'view.flow': '流程图',
    'loading': '正在读取街道', 'node': '范围', 'node.all': '整个街道', 'site': '小区', 'site.all': '全部小区', 'as': '画法', 'as.outline': '轮廓', 'as.grid': '社区网格',
    'none.drawing': '还没有街道轮廓和小区位置，先用社区网格。', 'none.drawing.how': '用 cloud org outline 文件.geojson 导入后，这里画出轮廓。',
    'none.org': '还没有组织。用 cloud org import 导入街道、社区、网格和小区。', 'none.org.there': '范围里没有小区。',
    'state.label': '街道轮廓，{n} 个小区', 'state.unplaced': '{n} 个小区没有位置，只在列表里。', 'tap': '点标记进入小区；点标记旁边的空白，在这里看它的平面图。',
    'list': '列表', 'list.all': '全部 {n} 个', 'list.odd': '不正常的 {n} 个', 'list.calm': '范围里 {n} 个小区都正常。', 'col.site': '小区', 'col.state': '状态', 'col.counts': '未办结', 'col.group': '社区', 'col.since': '离线自',
    'counts.none': '没有',
    'kind': '资源种类', 'kind.all': '全部', 'resource.none': '这里没有登记资源。在组织文件里给节点写 resources。', 'resource.sum': '数字是每个社区里的件数。点一个数字，看它里面分在哪里。', 'resource.marks': '数字是那里的件数。', 'kind.n': '{n} 件', 'resource.label': '资源在哪里：{n} 处', 'resource.at': '{name}：{n} 件', 'resource.devices': '感知设备', 'resource.online': '{n} / {all} 在线',
    'col.kind': '种类', 'col.name': '名称', 'col.stock': '数量', 'col.where': '在哪里', 'col.phone': '电话', 'resource.more': '另有 {n} 条，选小一点的范围或一个种类。', 'place': '在图上看 {name}',
    'duty.tree': '谁负责哪里', 'duty.owner': '责任人', 'duty.deputy': 'B 角', 'duty.now': '今天负责', 'duty.nobody': '没有登记', 'duty.dedicated': '专属网格', 'duty.handover': '{from} 至 {to} 由 B 角负责', 'duty.open': '无期限', 'duty.sites': '{n} 个小区', 'duty.show': '看 {name} 今天谁当班',
    'duty.today': '{name}：现在当班', 'duty.none': '没有排班，由责任人负责。', 'duty.until': '到 {at}', 'duty.choose': '点其他行，看那里现在谁当班。', 'duty.emergency': '应急排班', 'duty.above': '来自 {name}',
    'flow.label': '未办结的告警各走到哪一步', 'flow.none': '没有未办结的告警。', 'flow.at': '第 {n} 步 / 8：{step}', 'flow.for': '这一步已 {for}', 'flow.left': '剩 {for}', 'flow.late': '超时 {for}', 'flow.more': '只列最急的 {n} 起。', 'flow.what': '告警', 'flow.who': '{who}', 'flow.nobody': '未接警',
  },
  en: {
    'views': 'Four maps of one street', 'view.state': 'State', 'view.resource': 'Resources', 'view.duty': 'Responsibility', 'view.flow': 'Flow',
    'loading': 'Reading the street', 'node': 'Area', 'node.all': 'The whole street', 'site': 'Site', 'site.all': 'All sites', 'as': 'Drawn as', 'as.outline': 'Outline', 'as.grid': 'Grid of communities',
    'none.drawing': 'There is no outline and there are no positions yet: the grid stands in.', 'none.drawing.how': 'After cloud org outline FILE.geojson the outline is drawn here.',
    'none.org': 'There is no organisation yet. Import street, communities, grids and sites with cloud org import.', 'none.org.there': 'No site in this part.',
    'state.label': 'Outline of the street, {n} sites', 'state.unplaced': '{n} sites have no position and are in the list alone.', 'tap': 'Tap a mark to open its site; tap the empty space beside it to see the plan of that site here.',
    'list': 'List', 'list.all': 'All {n}', 'list.odd': 'Not normal: {n}', 'list.calm': 'All {n} sites here are normal.', 'col.site': 'Site', 'col.state': 'State', 'col.counts': 'Not closed', 'col.group': 'Community', 'col.since': 'Offline since',
    'counts.none': 'none',
    'kind': 'Kind of resource', 'kind.all': 'All', 'resource.none': 'No resource is noted here. Write resources to nodes in the file of the organisation.', 'resource.sum': 'The numbers say how many items a community has. Tap one to see where they are.', 'resource.marks': 'The numbers say how many items are there.', 'kind.n': '{n}', 'resource.label': 'Where resources are: {n} places', 'resource.at': '{name}: {n} items', 'resource.devices': 'Devices', 'resource.online': '{n} of {all} online',
    'col.kind': 'Kind', 'col.name': 'Name', 'col.stock': 'Stock', 'col.where': 'Where', 'col.phone': 'Phone', 'resource.more': '{n} more: choose a smaller part or one kind.', 'place': 'Show {name} on the map',
    'duty.tree': 'Who is in charge where', 'duty.owner': 'In charge', 'duty.deputy': 'Deputy', 'duty.now': 'In charge today', 'duty.nobody': 'nobody noted', 'duty.dedicated': 'Dedicated grid', 'duty.handover': 'the deputy stands in from {from} to {to}', 'duty.open': 'further notice', 'duty.sites': '{n} sites', 'duty.show': 'Who is on duty today: {name}',
    'duty.today': '{name}: on duty now', 'duty.none': 'No roster: whoever is in charge answers.', 'duty.until': 'until {at}', 'duty.choose': 'Choose another row to see who is on duty there.', 'duty.emergency': 'Emergency roster', 'duty.above': 'from {name}',
    'flow.label': 'At which step each open alert stands', 'flow.none': 'No alert is open.', 'flow.at': 'Step {n} of 8: {step}', 'flow.for': 'at this step for {for}', 'flow.left': '{for} left', 'flow.late': '{for} late', 'flow.more': 'The {n} most urgent alone are listed.', 'flow.what': 'Alert', 'flow.who': '{who}', 'flow.nobody': 'not taken',
  },
})
