package person

import "github.com/linshao/linshao/rules"

// A table says where the store names people. TestEveryColumnIsKnown holds it against the database: a new column is either
// here, or said there to name nobody.
type table struct {
	name  string
	what  rules.Text
	key   string   // columns that tell its rows apart
	shown string   // columns of a copy; empty: all
	names []holder // columns that hold a name and nothing else
	texts []string // columns in whose words a name or number may stand
	track []string // columns that say where the person was: emptied with the name of the first holder
	gone  bool     // the rows are deleted; else they stay, and say a pseudonym
	apart bool     // package audit changes it
}

// A holder is a column with a name.
type holder struct {
	column string
	phone  string // column with the number of the same person; empty: the column names an account
	is     string // what it is compared with; empty: the name itself
	where  string // and what else must be so; empty: nothing
}

func account(columns ...string) (out []holder) {
	for _, c := range columns {
		out = append(out, holder{column: c})
	}
	return out
}

// tables are all of them, in the order in which they are shown.
func tables() []table {
	list := []table{
		{name: "users", what: rules.Text{ZH: "账号", EN: "account"}, key: "name", shown: "name, created, seen, must_change", names: account("name"), gone: true},
		{name: "grants", what: rules.Text{ZH: "授权", EN: "grants"}, key: "name, role, node", names: account("name"), gone: true},
		{name: "sessions", what: rules.Text{ZH: "登录", EN: "log-ins"}, key: "id", shown: "name, created, used, address", names: account("name"), gone: true},
		{name: "identities", what: rules.Text{ZH: "统一认证身份", EN: "identities at a provider"}, key: "issuer, subject", names: account("name"), gone: true},
		{name: "failures", what: rules.Text{ZH: "输错密码", EN: "wrong passwords"}, key: "subject", names: []holder{{column: "subject", is: "'n ' || ?"}}, gone: true},
		{name: "nodes", what: rules.Text{ZH: "责任人与代理人", EN: "responsible for places"}, key: "id", shown: "id, kind, name, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to",
			names: []holder{{column: "owner", phone: "owner_phone"}, {column: "deputy", phone: "deputy_phone"}}},
		{name: "node_entries", what: rules.Text{ZH: "联系人", EN: "contacts"}, key: "node, record, kind, name", names: []holder{{column: "name", phone: "phone", where: "record = 'contact'"}},
			texts: []string{"position"}, gone: true},
		{name: "shifts", what: rules.Text{ZH: "排班", EN: "shifts"}, key: "node, role, name, mode, days, hours", names: []holder{{column: "name", phone: "phone"}}, gone: true},
		{name: "handovers", what: rules.Text{ZH: "交接班", EN: "hand-overs"}, key: "id", names: append([]holder{{column: "taker", phone: "taker_phone"}}, account("leaver", "who")...), texts: []string{"note"}},
		{name: "duty_checks", what: rules.Text{ZH: "发起的查岗", EN: "duty checks asked for"}, key: "id", names: account("who")},
		{name: "duty_answers", what: rules.Text{ZH: "查岗应答", EN: "duty checks answered"}, key: "check_id, name, phone", names: append([]holder{{column: "name", phone: "phone"}}, account("who")...)},
		{name: "duty_plans", what: rules.Text{ZH: "查岗计划", EN: "plans of duty checks"}, key: "node, role", names: account("who")},
		{name: "patrol_stops", what: rules.Text{ZH: "巡查打卡（含轨迹）", EN: "points of patrols, with positions"}, key: "round, n", names: account("who"), texts: []string{"note"}, track: []string{"lat", "lng"}},
		{name: "orders", what: rules.Text{ZH: "下达的指令", EN: "orders given"}, key: "id", names: account("who"), texts: []string{"text"}},
		{name: "receipts", what: rules.Text{ZH: "指令回执", EN: "receipts of orders"}, key: "order_id, node, account", names: append([]holder{{column: "name", phone: "phone"}}, account("account", "who")...), texts: []string{"note"}},
	}
	return append(append(list, handled()...), machines()...)
}

// handled are the tables about incidents, messages and what people did.
func handled() []table {
	return []table{
		{name: "incidents", what: rules.Text{ZH: "处置、上报过的警情", EN: "incidents handled or reported"}, key: "id",
			shown: "id, site, node, title_zh, title_en, opened_at, taken_by, taken_at, finished_by, finished_at, closed_by, closed_at, outcome, assignee, assignee_name, reporter, rating",
			names: append(account("taken_by", "closed_by", "finished_by", "reporter"), holder{column: "assignee", where: "assignee_kind = 'person'"}, holder{column: "assignee_name", where: "assignee_kind = 'person'"}),
			texts: []string{"title_zh", "title_en", "message_zh", "message_en", "detail"}},
		{name: "incident_steps", what: rules.Text{ZH: "警情办理步骤与评价", EN: "deeds on incidents, and ratings"}, key: "incident, n", names: account("who"), texts: []string{"note", "detail"}},
		{name: "incident_alerts", what: rules.Text{ZH: "告警中提到", EN: "alerts that say the name"}, key: "gateway, alert", shown: "incident, message_zh, message_en, at",
			texts: []string{"title_zh", "title_en", "message_zh", "message_en", "detail"}},
		{name: "timeline", what: rules.Text{ZH: "警情时间线", EN: "timelines of incidents"}, key: "id", names: account("who"), texts: []string{"zh", "en"}},
		{name: "evidence_holds", what: rules.Text{ZH: "证据保留", EN: "evidence held"}, key: "incident", names: account("who"), texts: []string{"reason"}},
		{name: "photos", what: rules.Text{ZH: "上传的照片（不含图像）", EN: "photos uploaded, without the pictures"}, key: "id", names: account("who")},
		{name: "reports", what: rules.Text{ZH: "上报编号", EN: "keys of reports"}, key: "who, key", shown: "who, key, incident", names: account("who")},
		{name: "cards", what: rules.Text{ZH: "处置卡", EN: "instruction cards"}, key: "place, topic", names: account("who"), texts: []string{"lines"}},
		{name: "memos", what: rules.Text{ZH: "通知", EN: "messages to people"}, key: "id", texts: []string{"zh", "en"}},
		{name: "memo_people", what: rules.Text{ZH: "被通知", EN: "messages that were for the person"}, key: "memo, name, phone", names: []holder{{column: "name", phone: "phone"}}},
		{name: "notices", what: rules.Text{ZH: "发送的消息", EN: "messages sent"}, key: "id", shown: "id, receiver, incident, kind, created, state, people, answer", texts: []string{"people", "answer"}},
		{name: "attempts", what: rules.Text{ZH: "发送结果", EN: "answers of providers"}, key: "notice, at", texts: []string{"answer"}},
		{name: "modes", what: rules.Text{ZH: "平急切换", EN: "emergencies switched"}, key: "id", names: account("who"), texts: []string{"reason"}},
		{name: "mode_changes", what: rules.Text{ZH: "平急变更", EN: "changes of mode"}, key: "id", names: account("who"), texts: []string{"reason"}},
		{name: "commands", what: rules.Text{ZH: "远程命令", EN: "commands"}, key: "id", shown: "id, gateway, device, point, value, reason, state, issuer, approver, made, ended, why_zh, why_en",
			names: account("issuer", "approver"), texts: []string{"reason", "why_zh", "why_en"}},
		{name: "command_steps", what: rules.Text{ZH: "远程命令步骤", EN: "steps of commands"}, key: "command, state", names: account("who"), texts: []string{"zh", "en"}},
		{name: "audit", what: rules.Text{ZH: "审计记录", EN: "log of what people did"}, key: "seq", shown: "seq, at, who, role, address, act, kind, about, node, site, zh, en, detail",
			names: append(account("who"), holder{column: "about", where: "kind = 'user'"}), texts: []string{"about", "zh", "en", "detail"}, apart: true},
	}
}

// machines are the tables in which people are named who looked after gateways and devices.
func machines() []table {
	return []table{
		{name: "desired", what: rules.Text{ZH: "网关的平急模式", EN: "modes of gateways"}, key: "gateway", names: account("who"), texts: []string{"reason", "why_zh", "why_en"}},
		{name: "gateway_configs", what: rules.Text{ZH: "下发的配置", EN: "configurations given"}, key: "gateway, revision", shown: "gateway, revision, who, reason, made, state",
			names: account("who"), texts: []string{"reason", "why_zh", "why_en"}},
		{name: "rollouts", what: rules.Text{ZH: "升级的推送", EN: "updates rolled out"}, key: "id", names: account("who"), texts: []string{"reason", "why_zh", "why_en"}},
		{name: "windows", what: rules.Text{ZH: "检修窗口", EN: "maintenance announced"}, key: "id", names: account("who", "ended_by"), texts: []string{"reason", "crew"}},
		{name: "meters", what: rules.Text{ZH: "换表登记", EN: "meters exchanged"}, key: "id", names: account("who", "undone_by"), texts: []string{"reason"}},
		{name: "looks", what: rules.Text{ZH: "查看摄像机，试读和诊断", EN: "live looks at cameras, trial reads and diagnoses"}, key: "id", names: account("who"), texts: []string{"reason"}},
		{name: "enrolment_tokens", what: rules.Text{ZH: "网关入网令牌", EN: "enrolment tokens"}, key: "hash", shown: "gateway, site, made_at, made_by, expires_at, ended_at", names: account("made_by")},
		{name: "calibrations", what: rules.Text{ZH: "校准记录", EN: "calibrations"}, key: "gateway, device", names: account("who"), texts: []string{"note"}},
		{name: "journal", what: rules.Text{ZH: "运行日志", EN: "journal"}, key: "id", texts: []string{"zh", "en"}},
		{name: "dock_checks", what: rules.Text{ZH: "平台查岗应答", EN: "answers to other platforms"}, key: "target, asked", names: account("who")},
		{name: "dock_queue", what: rules.Text{ZH: "平台的回答", EN: "answers of other platforms"}, key: "id", shown: "id, target, created, state, answer", texts: []string{"answer"}},
	}
}
