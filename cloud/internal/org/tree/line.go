package tree

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/rules"
)

// column is one of a file's. CSV has them as columns; YAML has them as keys.
type column int

const (
	cRecord column = iota
	cID
	cParent
	cKind
	cName
	cSites
	cDedicated
	cOwner
	cOwnerPhone
	cDeputy
	cDeputyPhone
	cFrom
	cTo
	cPhone
	cPosition
	cStock
	cMode
	cDays
	cHours
	cZone
	cMinutes
	cCode
	cChecks
	cOrder
	columns
)

// heads are the names of the columns in both languages.
func heads() [columns]rules.Text {
	return [columns]rules.Text{{EN: "record", ZH: "记录"}, {EN: "id", ZH: "编号"}, {EN: "parent", ZH: "上级"}, {EN: "kind", ZH: "类型"}, {EN: "name", ZH: "名称"},
		{EN: "sites", ZH: "站点"}, {EN: "dedicated", ZH: "专属"}, {EN: "owner", ZH: "责任人"}, {EN: "owner_phone", ZH: "责任人电话"},
		{EN: "deputy", ZH: "代理人"}, {EN: "deputy_phone", ZH: "代理人电话"}, {EN: "handover_from", ZH: "交接开始"}, {EN: "handover_to", ZH: "交接结束"},
		{EN: "phone", ZH: "电话"}, {EN: "position", ZH: "位置"}, {EN: "stock", ZH: "数量"},
		{EN: "mode", ZH: "平急"}, {EN: "days", ZH: "日子"}, {EN: "hours", ZH: "时段"}, {EN: "zone", ZH: "时区"},
		{EN: "minutes", ZH: "分钟"}, {EN: "code", ZH: "点位码"}, {EN: "checks", ZH: "检查项"}, {EN: "order", ZH: "次序"}}
}

// recordText is a record in both languages.
func recordText(record string) rules.Text {
	zh := map[string]string{NodeRecord: "节点", ContactRecord: "联系人", TeamRecord: "队伍", ResourceRecord: "资源", ShiftRecord: "值班", PatrolRecord: "巡查", PointRecord: "点位"}[record]
	return rules.Text{ZH: zh, EN: record}
}

// line is one record of a file in its one right spelling, or the same as the database has it.
type line [columns]string

func (l line) node() bool { return l[cRecord] == NodeRecord }

// key is the same for two lines that speak of the same thing.
func (l line) key() string {
	if l.node() {
		return NodeRecord + "\x00" + l[cID]
	}
	if l[cRecord] == PatrolRecord { // another role or hour changes it, and leaves its points
		return strings.Join([]string{l[cRecord], l[cParent], l[cName]}, "\x00")
	}
	return strings.Join([]string{l[cRecord], l[cParent], l[cKind], l[cName], l[cMode], l[cDays], l[cHours]}, "\x00")
}

// where is the node that a line speaks of.
func (l line) where() string {
	if l.node() {
		return l[cID]
	}
	return l[cParent]
}

// lines are a node and its entries.
func (n Node) lines() []line {
	l := line{cRecord: NodeRecord, cID: n.ID, cParent: n.Parent, cKind: n.Kind, cName: n.Name, cSites: strings.Join(n.Sites, " ")}
	if n.Dedicated {
		l[cDedicated] = "yes"
	}
	if n.Owner != nil {
		l[cOwner], l[cOwnerPhone] = n.Owner.Name, n.Owner.Phone
	}
	if n.Deputy != nil {
		l[cDeputy], l[cDeputyPhone] = n.Deputy.Name, n.Deputy.Phone
	}
	if n.HandOver != nil {
		l[cFrom], l[cTo] = n.HandOver.From, n.HandOver.To
	}
	out := []line{l}
	for _, e := range n.Entries {
		l := line{cRecord: e.Record, cParent: n.ID, cKind: e.Kind, cName: e.Name, cPhone: e.Phone, cPosition: e.Position}
		if e.Record == ResourceRecord {
			l[cStock] = strconv.Itoa(e.Stock)
		}
		out = append(out, l)
	}
	for _, s := range n.Shifts {
		out = append(out, line{cRecord: ShiftRecord, cParent: n.ID, cKind: s.Role, cName: s.Name, cPhone: s.Phone, cMode: s.Mode, cDays: s.Days, cHours: s.Hours, cZone: s.Zone})
	}
	return append(out, n.patrolLines()...)
}

func (l line) toNode() Node {
	n := Node{ID: l[cID], Parent: l[cParent], Kind: l[cKind], Name: l[cName], Dedicated: l[cDedicated] != "", Sites: strings.Fields(l[cSites])}
	if l[cOwner] != "" {
		n.Owner = &Person{l[cOwner], l[cOwnerPhone]}
	}
	if l[cDeputy] != "" {
		n.Deputy = &Person{l[cDeputy], l[cDeputyPhone]}
	}
	if l[cFrom] != "" {
		n.HandOver = &HandOver{l[cFrom], l[cTo]}
	}
	return n
}

// byRole is the order of a node's shifts, the same whatever the database sorts by.
func byRole(a, b shift.Shift) int {
	return cmp.Or(strings.Compare(a.Role, b.Role), strings.Compare(a.Mode, b.Mode), strings.Compare(a.Days, b.Days), strings.Compare(a.Hours, b.Hours), strings.Compare(a.Name, b.Name))
}

// byWord is the order of a node's entries, the same whatever the database sorts by.
func byWord(a, b NodeEntry) int {
	return cmp.Or(strings.Compare(a.Record, b.Record), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
}

// sorted is a list of words in its one right spelling.
func sorted(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}
