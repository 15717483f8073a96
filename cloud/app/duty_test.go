package app_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/configs"
)

// demoStreet is a cloud that lets everybody do everything, with the shipped organisation.
func demoStreet(t *testing.T, place *dbtest.Place) *street {
	t.Helper()
	dir := dbtest.Dir(t)
	s := open(t, place, dir, true)
	cfg, err := app.Load(filepath.Join(dir, "cloud.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := configs.FS.ReadFile("demo/org.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := app.ImportOrg(t.Context(), cfg, tree.Parse("org.yaml", text), tree.Options{Strict: true, By: "张三", Now: time.Now()}); err != nil || r.Nothing {
		t.Fatalf("%+v %v", r, err)
	}
	return s
}

// An emergency is ordered over HTTP, holds below, is in the audit log, and its end comes by itself.
func TestEmergencyMode(t *testing.T) {
	s := demoStreet(t, dbtest.SQLite(t))
	var m struct {
		Emergency bool
		Node      string
		Timeline  []struct{ Kind, Who string }
	}
	s.wrong("POST", "/org/zhaizi/mode", `{"mode":"emergency"}`, 409, "wrong_state")
	s.wrong("POST", "/org/nowhere/mode", `{"mode":"emergency","reason":"x"}`, 404, "not_found")
	if got := s.ask("POST", "/org/zhaizi/mode", `{"mode":"emergency","reason":"暴雨"}`, &m); got != 200 || !m.Emergency || len(m.Timeline) != 1 {
		t.Fatalf("%d %+v", got, m)
	}
	if got := s.ask("GET", "/org/jinxiu-b3/mode", "", &m); got != 200 || !m.Emergency || m.Node != "zhaizi" || m.Timeline[0].Who != "演示" {
		t.Errorf("below: %d %+v", got, m)
	}
	soon := time.Now().Add(time.Second).UnixMilli()
	if got := s.ask("POST", "/org/zhaizi/mode", `{"mode":"emergency","reason":"雨停","until":`+itoa(soon)+`}`, nil); got != 200 {
		t.Fatal(got)
	}
	s.eventually("the emergency to end by itself", func() bool {
		m.Node = ""
		s.ask("GET", "/org/zhaizi/mode", "", &m)
		return len(m.Timeline) == 3 && m.Timeline[0].Kind == "expired"
	})
	var log struct {
		Entries []struct{ Act, Who, Node string }
	}
	s.ask("GET", "/audit?act=mode.", "", &log)
	var acts []string
	for _, e := range log.Entries {
		acts = append(acts, e.Act+" "+e.Who)
	}
	if got := strings.Join(acts, ", "); got != "mode.expired , mode.moved 演示, mode.begun 演示" {
		t.Errorf("audit: %s", got)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// A roster is written over HTTP, one with mistakes is not; who is on duty shows with the site.
func TestRosterAndHandOver(t *testing.T) {
	s := demoStreet(t, dbtest.SQLite(t))
	type people struct {
		Duty []struct{ Name, As, Node, Phone string }
	}
	p := s.wrong("PUT", "/org/jinxiu-yuan/roster", `{"roster":[{"role":"保安","name":"甲","days":"someday","hours":"08:00-20:00"},{"role":"保安","name":"甲","days":"","hours":"x","zone":"Mars"}]}`, 422, "bad_roster")
	if got := strings.Join(p.Details, "\n"); len(p.Details) != 3 || !strings.Contains(got, "第 1 个班次") || !strings.Contains(got, "时区") {
		t.Errorf("%s", got)
	}
	var out people
	if got := s.ask("PUT", "/org/jinxiu-yuan/roster", `{"roster":[{"role":"保安","name":"甲","phone":"13800000099","days":"每天","hours":"全天"}]}`, &out); got != 200 || len(out.Duty) != 1 || out.Duty[0].Phone != "138****0099" {
		t.Fatalf("%d %+v", got, out)
	}
	until := itoa(time.Now().Add(time.Hour).UnixMilli())
	if got := s.ask("POST", "/org/jinxiu-yuan/handovers", `{"role":"保安","leaver":"甲","taker":"乙","until":`+until+`,"note":"钥匙在岗亭"}`, nil); got != 200 {
		t.Fatal(got)
	}
	var site people
	if got := s.ask("GET", "/sites/jinxiu/org", "", &site); got != 200 || len(site.Duty) != 1 || site.Duty[0].Name != "乙" || site.Duty[0].As != "handover" {
		t.Errorf("%d %+v", got, site)
	}
	if got := s.ask("GET", "/org/jinxiu-yuan/duty?phones=full&at=1795000000000", "", &out); got != 200 || out.Duty[0].Name != "甲" || out.Duty[0].Phone != "13800000099" {
		t.Errorf("%d %+v", got, out)
	}
}

// An order goes down over HTTP, is signed for a place, and counted by part.
func TestOrderDown(t *testing.T) {
	s := demoStreet(t, dbtest.SQLite(t))
	var o struct {
		ID                int64
		Total, Read, Done int64
		Parts             []struct {
			Node        string
			Total, Done int64
		}
	}
	s.wrong("POST", "/org/zhaizi/orders", `{"text":"查车棚","needs":"done","due":1}`, 409, "wrong_state")
	s.wrong("POST", "/org/zhaizi/orders", `{"text":"","needs":"done"}`, 422, "bad_request")
	if got := s.ask("POST", "/org/zhaizi/orders", `{"text":"查车棚","needs":"done"}`, &o); got != 200 || o.Total != 5 || len(o.Parts) != 2 {
		t.Fatalf("%d %+v", got, o)
	}
	id := itoa(o.ID)
	s.wrong("POST", "/orders/"+id+"/receipt", `{"node":"block-3"}`, 409, "wrong_state")
	if got := s.ask("POST", "/orders/"+id+"/receipt", `{"node":"jinxiu-b3","done":true}`, nil); got != 200 {
		t.Fatal(got)
	}
	if got := s.ask("GET", "/org/zhaizi-g1/orders/"+id, "", &o); got != 200 || o.Done != 1 || len(o.Parts) != 2 || o.Parts[1].Done != 1 {
		t.Errorf("%d %+v", got, o)
	}
	s.wrong("GET", "/org/yunfeng/orders/"+id, "", 404, "not_found")
	var one struct {
		Place string
		Mine  []struct {
			Node, NodeName string
			DoneAt         int64
		}
	}
	if got := s.ask("GET", "/orders/"+id, "", &one); got != 200 || one.Place == "" || len(one.Mine) != 5 || one.Mine[0].DoneAt != 0 || one.Mine[4].Node != "jinxiu-b3" || one.Mine[4].DoneAt == 0 {
		t.Errorf("%d %+v", got, one)
	}
	var list struct{ Orders []struct{ Text string } }
	if got := s.ask("GET", "/orders?mine=true", "", &list); got != 200 || len(list.Orders) != 1 {
		t.Errorf("%d %+v", got, list)
	}
}
