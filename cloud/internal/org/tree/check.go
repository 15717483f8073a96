package tree

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/rules"
)

// Limits of one value.
const (
	maxID    = 80 // bytes
	maxText  = 80 // characters
	maxStock = 1_000_000
)

// A checker turns a row into a line and tells its mistakes.
type checker struct {
	row      row
	line     line
	problems []Problem
	id, dial *regexp.Regexp
}

func newChecker() *checker {
	return &checker{id: regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._-]*$`), dial: regexp.MustCompile(`^\+?[0-9]([0-9 -]{0,18}[0-9])?$`)}
}

// check answers the line of a row, and what is wrong with it.
func (c *checker) check(r row) (line, []Problem) {
	c.row, c.line, c.problems = r, line{}, nil
	c.record()
	for _, col := range []column{cKind, cName} {
		if r.cells[col].text == "" {
			c.wrong(col, text("缺少%[2]s", "%[1]s is missing", heads()[col].EN, heads()[col].ZH))
		}
	}
	for _, col := range []column{cKind, cName, cOwner, cDeputy, cPosition} {
		c.words(col)
	}
	for _, col := range []column{cPhone, cOwnerPhone, cDeputyPhone} {
		if v := r.cells[col].text; v != "" && !c.dial.MatchString(v) {
			c.wrong(col, text("%q 不是电话号码", "%q is no phone number", v))
		}
		c.line[col] = r.cells[col].text
	}
	if parent := r.cells[cParent].text; parent != "" {
		c.name(cParent, parent)
	}
	c.line[cParent] = r.cells[cParent].text
	if c.line.node() {
		c.node()
	} else {
		c.entry()
	}
	return c.line, c.problems
}

func (c *checker) wrong(col column, t rules.Text) {
	l, at := c.row.at(col)
	c.problems = append(c.problems, Problem{l, at, t})
}

func (c *checker) record() {
	word := c.row.cells[cRecord].text
	if word == "" {
		word = NodeRecord
	}
	for _, record := range []string{NodeRecord, ContactRecord, TeamRecord, ResourceRecord, ShiftRecord, PatrolRecord, PointRecord} {
		if strings.EqualFold(word, record) || word == recordText(record).ZH {
			c.line[cRecord] = record
			return
		}
	}
	c.line[cRecord] = NodeRecord
	c.wrong(cRecord, text("%q 不是 节点、联系人、队伍、资源、值班、巡查、点位 之一", "%q is none of node, contact, team, resource, shift, patrol, point", word))
}

func (c *checker) node() {
	id := c.row.cells[cID].text
	if id == "" {
		c.wrong(cID, text("缺少编号", "id is missing"))
	} else {
		c.name(cID, id)
	}
	c.line[cID] = id
	sites := sorted(strings.FieldsFunc(c.row.cells[cSites].text, func(r rune) bool { return r == ' ' || r == ';' || r == '；' }))
	for _, s := range sites {
		c.name(cSites, s)
	}
	c.line[cSites] = strings.Join(sites, " ")
	switch v := strings.ToLower(c.row.cells[cDedicated].text); v {
	case "yes", "true", "是", "1":
		c.line[cDedicated] = "yes"
	case "", "no", "false", "否", "0":
	default:
		c.wrong(cDedicated, text("%q 不是“是”或“否”", "%q is neither yes nor no", v))
	}
	c.people()
	c.unused(cPhone, cPosition, cStock, cMode, cDays, cHours, cZone, cMinutes, cCode, cChecks, cOrder)
}

func (c *checker) people() {
	for _, p := range [][2]column{{cOwner, cOwnerPhone}, {cDeputy, cDeputyPhone}} {
		if c.line[p[0]] == "" && c.line[p[1]] != "" {
			c.wrong(p[1], text("有电话，没有姓名", "a phone number without a name"))
		}
	}
	if d := c.line[cDeputy]; d != "" && d == c.line[cOwner] && c.line[cDeputyPhone] == c.line[cOwnerPhone] {
		c.wrong(cDeputy, text("代理人就是责任人：A、B 角要两个人", "the deputy is the owner: it takes two people"))
	}
	for _, col := range []column{cFrom, cTo} {
		v := c.row.cells[col].text
		if _, err := time.Parse(time.DateOnly, v); v != "" && err != nil {
			c.wrong(col, text("%q 不是日期，要写成 2026-11-20", "%q is no day such as 2026-11-20", v))
		}
		c.line[col] = v
	}
	from, to := c.line[cFrom], c.line[cTo]
	switch {
	case from == "" && to != "":
		c.wrong(cTo, text("交接有结束，没有开始", "the hand-over has an end and no begin"))
	case to != "" && to < from:
		c.wrong(cTo, text("交接结束早于开始", "the hand-over ends before it begins"))
	case from != "" && c.line[cDeputy] == "":
		c.wrong(cFrom, text("有交接，没有代理人", "a hand-over without a deputy"))
	}
}

func (c *checker) entry() {
	if c.line[cParent] == "" {
		c.wrong(cParent, text("缺少它所属节点的编号", "the id of its node is missing"))
	}
	c.unused(cID, cSites, cDedicated, cOwner, cOwnerPhone, cDeputy, cDeputyPhone, cFrom, cTo)
	if c.line[cRecord] == PatrolRecord || c.line[cRecord] == PointRecord {
		c.patrol()
		return
	}
	c.unused(cMinutes, cCode, cChecks, cOrder)
	if c.line[cRecord] == ShiftRecord {
		c.shift()
		return
	}
	c.unused(cMode, cDays, cHours, cZone)
	if c.line[cRecord] != ResourceRecord {
		c.unused(cStock)
		return
	}
	v := c.row.cells[cStock].text
	if v == "" {
		v = "0"
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > maxStock {
		c.wrong(cStock, text("%q 不是 0 到 %d 的整数", "%q is no whole number from 0 to %d", v, maxStock))
	}
	c.line[cStock] = strconv.Itoa(n)
}

func (c *checker) shift() {
	c.unused(cPosition, cStock)
	c.spell(cMode, shift.Mode)
	c.spell(cDays, shift.Days)
	c.spell(cHours, shift.Hours)
	zone := c.row.cells[cZone].text
	if _, err := time.LoadLocation(zone); err != nil || zone == "Local" {
		c.wrong(cZone, text("没有时区 %q，例如 Asia/Shanghai", "there is no time zone %q; one is Asia/Shanghai", zone))
	}
	c.line[cZone] = zone
}

// spell takes a column in its one right spelling.
func (c *checker) spell(col column, right func(string) (string, error)) {
	v, err := right(c.row.cells[col].text)
	var m *shift.Mistake
	if errors.As(err, &m) {
		c.wrong(col, m.Text)
	}
	c.line[col] = v
}

// unused tells columns that mean nothing for this record: most often the line has slipped.
func (c *checker) unused(cols ...column) {
	for _, col := range cols {
		if c.row.cells[col].text != "" {
			head, record := heads()[col], recordText(c.line[cRecord])
			c.wrong(col, rules.Text{ZH: record.ZH + "没有" + head.ZH, EN: "a " + record.EN + " has no " + head.EN})
		}
	}
}

// name checks what others refer to.
func (c *checker) name(col column, v string) {
	if len(v) > maxID || !c.id.MatchString(v) {
		c.wrong(col, text("编号 %q 只能用字母、汉字、数字和 . _ -，以字母、汉字或数字开头，最多 %d 字节", "id %q: letters, digits, . _ - after a letter or digit, at most %d bytes", v, maxID))
	}
}

// words checks a text for people.
func (c *checker) words(col column) {
	v := c.row.cells[col].text
	c.line[col] = v
	odd := strings.IndexFunc(v, func(r rune) bool { return !unicode.IsPrint(r) && r != '\u3000' })
	switch {
	case utf8.RuneCountInString(v) > maxText:
		c.wrong(col, text("超过 %d 个字", "longer than %d characters", maxText))
	case odd >= 0:
		c.wrong(col, text("有看不见的字符或换行", "it holds an invisible character or a line's end"))
	case v != "" && strings.ContainsRune("=+-@", rune(v[0])):
		c.wrong(col, text("不能以 = + - @ 开头：表格软件会当成公式", "it must not begin with = + - @: spreadsheets take that as a formula"))
	}
}

// number is a stock as the database keeps it.
func number(v string) int {
	n, _ := strconv.Atoi(v) // checked before, and empty for what has none
	return n
}
