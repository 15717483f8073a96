package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// put writes a file into a site's folder.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// limitRule is a rule over the level that past makes, which rises by one a minute.
func limitRule(limit string) string {
	return `rules:
  - id: X1
    title: {zh: 燃气, en: gas}
    kind: gas
    params: {limit: ` + limit + ` %LEL}
    expr: level >= limit
    for: 30s
    severity: A
    mode: armed
    message: {zh: "{place}", en: "{place}"}
`
}

func TestRulesReplay(t *testing.T) {
	dir, began := past(t)
	put(t, dir, "low/gas.yaml", limitRule("20"))
	put(t, dir, "high/gas.yaml", limitRule("30"))
	code, out, errs := gateway(t, dir, "zh", "rules", "replay", "high", "--config", "site.yaml", "--from", "2h", "--compare", "low")
	for _, want := range []string{
		"回放 2 h · 3 个点位 · 540 个样本 · 用时 ", "只读\n", "low   草稿\n", "告警次数           1     1            0\n",
		"X1    燃气  1     0       30 s\n", "最吵的 1 个：gas-1 (1→1)\n", "数据有 1 个空洞", "没有记录\n", "+10 min   ← 注意\n", "现场当时告警 0 次\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("missing %q", want)
		}
	}
	if code != exitOK || t.Failed() {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	if before := hash(t, dir); before != hash(t, dir) {
		t.Error("the folder was changed")
	}

	onset := began.Add(30 * time.Minute)
	put(t, dir, "outcomes.csv", "alert,outcome,note\nX1/gas-1/"+onset.UTC().Format("20060102T150405Z")+",真实,\nX1/gas-1/20200101T000000Z,false,\n")
	code, out, errs = gateway(t, dir, "en", "rules", "replay", "high", "--config", "site.yaml", "--from", "2h", "--outcomes", "outcomes.csv", "--json")
	var got struct {
		Samples  uint64 `json:"samples"`
		Outcomes int    `json:"outcomes"`
		Outside  int    `json:"outcomes_of_other_times"`
		Sets     []struct {
			Name   string `json:"name"`
			Report struct {
				Rules []struct {
					Rule     string         `json:"rule"`
					Alerts   int            `json:"alerts"`
					DelayMs  int            `json:"delay_ms"`
					Outcomes map[string]int `json:"outcomes"`
				} `json:"rules"`
				Alerts []struct {
					Since   time.Time `json:"since"`
					Outcome string    `json:"outcome"`
				} `json:"alerts"`
			} `json:"report"`
		} `json:"sets"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK {
		t.Fatalf("%d %v\n%s%s", code, err, out, errs)
	}
	report := got.Sets[0].Report
	if got.Samples != 540 || got.Outcomes != 1 || got.Outside != 1 || len(report.Alerts) != 1 || report.Alerts[0].Outcome != "real" || report.Rules[0].Outcomes["real"] != 1 || report.Rules[0].DelayMs != 30_000 {
		t.Errorf("%+v", got)
	}
	if late := report.Alerts[0].Since.Sub(onset); late < 0 || late > time.Second {
		t.Errorf("%v after the level", late)
	}
}

// hash tells whether something has changed.
func hash(t *testing.T, dir string) string {
	t.Helper()
	all := ""
	for _, stream := range []uint32{wire.StreamTelemetry, wire.StreamParts} {
		s, err := outbox.Inspect(filepath.Join(dir, "data", wire.StreamName(stream)), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		all += string(b)
	}
	return all
}

func TestRulesReplayOfFilesAndOfACSV(t *testing.T) {
	dir := site(t, strings.Replace(small, "ADDRESS", "127.0.0.1:502", 1))
	put(t, dir, "draft.yaml", limitRule("20"))
	table := "\ufefftime,device,point,value,quality\n2026-11-22 12:00:00,gas-1,level,25,\n"
	for m := range 9 {
		table += "2026-11-22T12:00:0" + string(rune('1'+m)) + "+08:00,gas-1,level,25,\n"
	}
	put(t, dir, "in.csv", table+"2026-11-22 12:00:40,gas-1,level,26,good\n2026-11-22 12:00:41,gas-1,level,,bad\n")
	code, out, errs := gateway(t, dir, "en", "rules", "replay", "draft.yaml", "--config", "site.yaml", "--csv", "in.csv", "--compare", "current")
	if code != exitOK || !strings.Contains(out, "12 samples") || !strings.Contains(out, "alerts                0        1      +1\n") ||
		!strings.Contains(out, "X1    gas  0→1     0            —→40 s\n") || strings.Contains(out, "R16") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	put(t, dir, "in.csv", "time,device,point,value\nyesterday,gas-1,level,1\n2026-11-22 12:00,gas-9,level,1\n2026-11-22 12:00,gas-1,lvl,1\n2026-11-22 12:00,gas-1,level,x\n2026-11-22 12:00,gas-1\n")
	code, out, errs = gateway(t, dir, "zh", "rules", "replay", "draft.yaml", "--config", "site.yaml", "--csv", "in.csv")
	for _, want := range []string{`in.csv:2  错误  看不懂时间 "yesterday"`, `in.csv:3  错误  站点没有设备 "gas-9"；有：gas-1 gateway tcp valve-1`, `in.csv:4  错误  设备 gas-1 没有点位 "lvl"，它有：level status`,
		`in.csv:5  错误  "x" 不是数`, `in.csv:6  错误  有 2 列，第一行有 4 列`, "in.csv 有 5 行不能用，没有回放"} {
		if !strings.Contains(errs, want) {
			t.Errorf("missing %s", want)
		}
	}
	if code != exitFinding || out != "" || t.Failed() {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
}

func TestRulesReplayOfWhatIsNot(t *testing.T) {
	dir, _ := past(t)
	put(t, dir, "good/gas.yaml", limitRule("20"))
	put(t, dir, "bad/gas.yaml", strings.Replace(limitRule("20"), "expr: level", "expr: lvel", 1))
	put(t, dir, "empty/readme.txt", "")
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"none"}, "找不到规则", exitUsage},
		{[]string{"empty"}, "empty 里没有规则文件（*.yaml）", exitUsage},
		{[]string{"bad"}, `不认识 "lvel" — 是不是 "level"？`, exitFinding},
		{[]string{"good", "--compare", "none"}, "找不到规则", exitUsage},
		{[]string{"good", "--device", "gas-7"}, "没有设备 gas-7；有：gas-1 valve-1", exitUsage},
		{[]string{"good", "--from", "9d", "--to", "3d"}, "这段时间没有记录；最早的记录是 20", exitFinding},
		{[]string{"good", "--from", "1h", "--to", "2h"}, "--from 要早于 --to", exitUsage},
		{[]string{"good", "--from", "soon"}, `看不懂时间 "soon"`, exitUsage},
		{[]string{"good", "--csv", "none.csv"}, "none.csv", exitDevice},
		{[]string{"good", "--outcomes", "site.yaml"}, "第一行要有列 alert 和 outcome", exitFinding},
	} {
		code, out, errs := gateway(t, dir, "zh", append([]string{"rules", "replay", "--config", "site.yaml"}, c.args...)...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%v: %d, want %s\n%s%s", c.args, code, c.want, out, errs)
		}
	}
	empty := site(t, strings.Replace(small, "ADDRESS", "127.0.0.1:502", 1))
	put(t, empty, "good/gas.yaml", limitRule("20"))
	if code, _, errs := gateway(t, empty, "en", "rules", "replay", "good", "--config", "site.yaml"); code != exitDevice || !strings.Contains(errs, "there are no recorded readings in data: check data in gateway.yaml, or name a file of readings with --csv") {
		t.Errorf("%d %s", code, errs)
	}
}
