// The words of a site's plan.
import { words } from '../lib/i18n'

export const say = words({
  zh: {
    'title': '平面图', 'auto': '按楼栋自动排列', 'auto.why': '还没有人画过这个小区的平面图：设备按位置里的楼栋、车棚分组。', 'auto.edit': '改动后保存，就成为手绘图。', 'drawn': '手绘平面图', 'loading': '正在读取平面图', 'label': '{site} 平面图：{n} 台设备', 'none': '还没有设备可以放到图上。',
    'free': '未放到图上', 'noplace': '没有写位置', 'shape.label': '{name}：{n} 台设备，{state}', 'mark': '{name}，{kind}，{place}，{state}', 'more': '另有 {n} 台', 'more.label': '{name} 另有 {n} 台，最重的状态：{state}',
    'odd': '不正常的 {n} 台', 'calm': '图上 {n} 台设备都正常。', 'inside': '{name} · {n} 台', 'inside.none': '这里没有设备。', 'all': '看不正常的', 'tap': '点楼栋看里面的设备，点设备打开它。', 'list.more': '另有 {n} 台，在下面的设备里。', 'value.none': '没有读数',
    'state.A': '紧急', 'state.B': '重要', 'state.C': '一般', 'state.offline': '离线', 'state.stale': '数据不可信', 'state.never': '未接入', 'state.uncertain': '数据存疑', 'state.calm': '正常',
    'kind.building': '楼栋', 'kind.bikeshed': '车棚', 'kind.power': '配电房', 'kind.gate': '大门', 'kind.other': '其他',
    'short.gas': '气', 'short.valve': '阀', 'short.siren': '警', 'short.socket': '充', 'short.door': '门', 'short.camera': '摄', 'short.meter': '表', 'short.gateway': '网', 'short.reader': '卡', 'short.co': 'CO', 'short.other': '其他',
    'who': '{name} 负责', 'who.none': '没有登记负责人', 'who.list': '各处由谁负责', 'who.from': '{name} 的负责人', 'kinds': '设备种类', 'kinds.all': '全部',
    'map.open': '打开小区', 'map.back': '回到街道', 'map.things': '登记的资源', 'map.things.none': '这个小区没有登记资源。', 'offline': '网关离线，图上是它离线前的样子。', 'gone': '没有这个小区，或者你看不到它。',
    'edit': '编辑平面图', 'edit.title': '编辑平面图', 'edit.how': '选中一个图形或设备后，拖动，或用方向键移动；按住 Shift 改图形大小；Delete 删除。', 'edit.add': '添加', 'edit.add.kind': '添加{kind}', 'edit.pin': '把设备放到图上', 'edit.pin.choose': '选一台设备', 'edit.chosen': '选中', 'edit.choose': '选一个图形或设备', 'edit.none': '没有选中', 'edit.shapes': '图形', 'edit.pins': '设备点',
    'edit.name': '名称', 'edit.kind': '类型', 'edit.node': '组织里的节点', 'edit.node.none': '不对应', 'edit.places': '设备位置的开头', 'edit.places.hint': '每行一个，例如 3栋。位置以它开头的设备站在这个图形里。', 'edit.x': '左', 'edit.y': '上', 'edit.w': '宽', 'edit.h': '高', 'edit.percent': '占整张图的百分比', 'edit.delete': '从图上移除', 'edit.size': '整张图的宽和高',
    'edit.picture': '底图', 'edit.picture.add': '上传底图', 'edit.picture.remove': '移除底图', 'edit.picture.hint': 'JPEG 或 PNG，上传后立即生效。', 'edit.picture.bad': '这张图片读不出来，请换 JPEG 或 PNG。', 'edit.save': '保存', 'edit.cancel': '不改了', 'edit.auto': '恢复自动排列', 'edit.auto.ask': '删除手绘图和底图，恢复自动排列？', 'edit.auto.says': '删除后找不回来；设备和数据不受影响。', 'edit.new': '新{kind}', 'edit.changed': '有改动未保存', 'edit.saved': '平面图已保存', 'edit.canvas': '平面图编辑区', 'edit.item': '{name}，左 {x}，上 {y}',
  },
  en: {
    'title': 'Site plan', 'auto': 'Laid out by building', 'auto.why': 'Nobody has drawn a plan of this site yet: devices stand by the building or shed that their place names.', 'auto.edit': 'Once changed and saved it is a drawn plan.', 'drawn': 'Drawn plan', 'loading': 'Reading the plan', 'label': 'Plan of {site}: {n} devices', 'none': 'There is no device to put on the plan yet.',
    'free': 'Not on the plan', 'noplace': 'No place noted', 'shape.label': '{name}: {n} devices, {state}', 'mark': '{name}, {kind}, {place}, {state}', 'more': '{n} more', 'more.label': '{name}: {n} more, the worst is {state}',
    'odd': 'Not normal: {n}', 'calm': 'All {n} devices on the plan are normal.', 'inside': '{name} · {n}', 'inside.none': 'No device is here.', 'all': 'What is not normal', 'tap': 'A building shows its devices; a device opens.', 'list.more': '{n} more are among the devices below.', 'value.none': 'no reading',
    'state.A': 'Urgent', 'state.B': 'Important', 'state.C': 'Minor', 'state.offline': 'Offline', 'state.stale': 'No trusted data', 'state.never': 'Not connected', 'state.uncertain': 'Uncertain', 'state.calm': 'Normal',
    'kind.building': 'Building', 'kind.bikeshed': 'Bike shed', 'kind.power': 'Power room', 'kind.gate': 'Gate', 'kind.other': 'Other',
    'short.gas': 'Gas', 'short.valve': 'Valve', 'short.siren': 'Siren', 'short.socket': 'Plug', 'short.door': 'Door', 'short.camera': 'Cam', 'short.meter': 'Meter', 'short.gateway': 'GW', 'short.reader': 'Card', 'short.co': 'CO', 'short.other': 'Other',
    'who': '{name} answers', 'who.none': 'nobody is noted', 'who.list': 'Who answers where', 'who.from': 'as owner of {name}', 'kinds': 'Kinds of devices', 'kinds.all': 'All',
    'map.open': 'Open site', 'map.back': 'Back to the street', 'map.things': 'Resources noted', 'map.things.none': 'No resource of this site is noted.', 'offline': 'A gateway is offline: the plan shows what it was before.', 'gone': 'There is no such site, or you may not see it.',
    'edit': 'Edit the plan', 'edit.title': 'Edit the plan', 'edit.how': 'Choose a shape or a device, then drag it or move it with the arrow keys; Shift changes the size of a shape; Delete removes it.', 'edit.add': 'Add', 'edit.add.kind': 'Add: {kind}', 'edit.pin': 'Put a device on the plan', 'edit.pin.choose': 'Choose a device', 'edit.chosen': 'Chosen', 'edit.choose': 'Choose a shape or a device', 'edit.none': 'Nothing is chosen', 'edit.shapes': 'Shapes', 'edit.pins': 'Devices',
    'edit.name': 'Name', 'edit.kind': 'Kind', 'edit.node': 'Node of the organisation', 'edit.node.none': 'none', 'edit.places': 'How places of its devices begin', 'edit.places.hint': 'One a line, such as Building 3. Devices whose place begins so stand in this shape.', 'edit.x': 'Left', 'edit.y': 'Top', 'edit.w': 'Width', 'edit.h': 'Height', 'edit.percent': 'percent of the plan', 'edit.delete': 'Take off the plan', 'edit.size': 'Width and height of the plan',
    'edit.picture': 'Picture behind it', 'edit.picture.add': 'Upload a picture', 'edit.picture.remove': 'Remove the picture', 'edit.picture.hint': 'JPEG or PNG; it counts at once.', 'edit.picture.bad': 'This picture cannot be read: take a JPEG or PNG.', 'edit.save': 'Save', 'edit.cancel': 'Leave it', 'edit.auto': 'Lay out by itself again', 'edit.auto.ask': 'Remove the drawn plan and its picture?', 'edit.auto.says': 'They cannot be brought back. Devices and data stay as they are.', 'edit.new': 'New: {kind}', 'edit.changed': 'Changes are not saved', 'edit.saved': 'The plan is saved', 'edit.canvas': 'The plan to edit', 'edit.item': '{name}, left {x}, top {y}',
  },
})
