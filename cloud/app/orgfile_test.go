package app_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

// A street of 614 compounds comes over HTTP; its three mistakes are named by line and column, and keep everything out, or
// themselves alone when that is asked. What is exported can be imported again.
func TestOrgFileOverHTTP(t *testing.T) {
	s := open(t, dbtest.SQLite(t), dbtest.Dir(t), true)
	const head = "编号,上级,类型,名称,站点,责任人,责任人电话\r\ndongsheng,,街道,东升街道,,陈主任,13800000001\r\n"
	wrong := map[int]string{10: "yard-10,nowhere,小区,10 号院,site-10,,", 200: "yard-200,dongsheng,小区,200 号院,site-199,,", 614: "yard-614,dongsheng,小区,614 号院,site-614,王,abc"}
	file := func(wrong map[int]string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 1; i <= 614; i++ {
			l := wrong[i]
			if l == "" {
				l = fmt.Sprintf("yard-%d,dongsheng,小区,%d 号院%s,site-%d,,", i, i, strings.Repeat("长", 40), i) // above the limit of other requests
			}
			b.WriteString(l + "\r\n")
		}
		return b.String()
	}
	type result struct {
		Dry, Taken                                      bool
		Records, Added, Changed, Removed, Same, Refused int
		Problems                                        []struct {
			Line, Column int
			Text         struct{ ZH, EN string }
		}
		Changes []struct{ Op, Node string }
	}
	send := func(query, text, kind string) result {
		t.Helper()
		var r result
		if got := s.ask("POST", "/org/import"+query, text, &r, "Content-Type", kind); got != 200 {
			t.Fatalf("import%s: %d", query, got)
		}
		return r
	}
	for _, c := range []struct {
		query string
		taken bool
		added int
	}{{"", false, 0}, {"?replace=true&keepGood=true", false, 0}, {"?dry=true&keepGood=true", false, 612}, {"?keepGood=true", true, 612}} {
		r := send(c.query, file(wrong), "text/csv; charset=utf-8")
		var said []string
		for _, p := range r.Problems {
			said = append(said, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Text.EN))
			if p.Text.ZH == "" {
				t.Errorf("not in Chinese: %+v", p)
			}
		}
		if got := strings.Join(said, "\n"); got != "12:9 there is no node \"nowhere\"\n202:30 site \"site-199\" hangs on node \"yard-199\"\n616:41 \"abc\" is no phone number" {
			t.Errorf("%s:\n%s", c.query, got)
		}
		if r.Taken != c.taken || r.Added != c.added || r.Records != 615 || len(r.Changes) != min(c.added, 500) {
			t.Errorf("%s: taken %v, %d added, %d records, %d changes", c.query, r.Taken, r.Added, r.Records, len(r.Changes))
		}
	}
	if r := send("", file(nil), "text/csv"); !r.Taken || r.Added != 3 || r.Same != 612 || len(r.Problems) != 0 {
		t.Errorf("put right: %+v", r.Problems)
	}
	if r := send("?dry=true", s.text("/org/export?phones=full"), "text/csv"); r.Same != 615 || len(r.Changes)+len(r.Problems) != 0 {
		t.Errorf("exported and imported again: %+v", r)
	}
	if r := send("?dry=true", s.text("/org/export"), "text/csv"); len(r.Problems) != 1 || r.Problems[0].Line != 2 {
		t.Errorf("masked phones: %+v", r.Problems)
	}
	if r := send("", "nodes:\n  - id: market\n    parent: dongsheng\n    kind: 市场\n    name: 东市\n", "application/yaml"); r.Added != 1 {
		t.Errorf("yaml: %+v", r)
	}
	s.wrong("POST", "/org/import", "x", 415, "media_type")
	s.wrong("POST", "/org/import", head+strings.Repeat("#", 4<<20), 413, "too_large", "Content-Type", "text/csv")
	var log struct{ Entries []struct{ Act, Who string } }
	s.ask("GET", "/audit?act=org.", "", &log)
	var acts []string
	for _, e := range log.Entries {
		acts = append(acts, e.Act+" "+e.Who)
	}
	if got := strings.Join(acts, ", "); got != "org.import 演示, org.export 演示, org.export 演示, org.import 演示, org.import 演示" {
		t.Errorf("audit: %s", got)
	}
}

// What there is to help with shows over HTTP, with the devices that watch over the same part of the street.
func TestResourcesOverHTTP(t *testing.T) {
	s := demoStreet(t, dbtest.SQLite(t))
	var r struct {
		Resources []struct {
			Node, NodeName, Kind, Name, Position string
			Stock                                int
		}
		Devices []struct {
			Kind          string
			Total, Online int
		}
	}
	if got := s.ask("GET", "/org/resources?node=zhaizi&kind="+url.QueryEscape("灭火器"), "", &r); got != 200 || len(r.Resources) != 1 || len(r.Devices) != 0 ||
		r.Resources[0].Node != "jinxiu-yuan" || r.Resources[0].NodeName == "" || r.Resources[0].Position != "3 栋南侧车棚" || r.Resources[0].Stock != 8 {
		t.Errorf("%d %+v", got, r)
	}
	if got := s.ask("GET", "/org/resources?node=jinxiu-yuan", "", &r); got != 200 || len(r.Resources) != 3 || len(r.Devices) != 1 || r.Devices[0].Kind != "gas" || r.Devices[0].Total != 1 {
		t.Errorf("%d %+v", got, r)
	}
	s.wrong("GET", "/org/resources?node=nowhere", "", 404, "not_found")
}
