package app_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/configs"
)

// The shipped street is brought in while the cloud runs; everybody with an account sees who answers for a site, operators
// alone the whole phone numbers.
func TestOrganisation(t *testing.T) {
	dir := dbtest.Dir(t)
	s := open(t, dbtest.SQLite(t), dir, false)
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
	nodes, err := app.Org(t.Context(), cfg, "zhaizi-g1", time.Now())
	if err != nil || len(nodes) != 5 || nodes[4].Responsible.Name != "王网格员" {
		t.Fatalf("%+v %v", nodes, err)
	}
	var out struct {
		Nodes []tree.Node `json:"nodes"`
	}
	for path, n := range map[string]int{"/org": 9, "/org?node=zhaizi": 7, "/sites/jinxiu/org": 6} {
		s.wrong("GET", path, "", 401, "login_required")
		s.login("看客")
		if got := s.ask("GET", path, "", &out); got != 200 || len(out.Nodes) != n {
			t.Fatalf("%s: %d %+v", path, got, out)
		}
		for _, node := range out.Nodes {
			if d := node.Responsible; d == nil || d.Phone[3:7] != "****" {
				t.Errorf("%s: %s: %+v", path, node.ID, d)
			}
		}
		full := path + "?phones=full"
		if path == "/org?node=zhaizi" {
			full = path + "&phones=full"
		}
		s.wrong("GET", full, "", 403, "forbidden")
		s.login("张三")
		if got := s.ask("GET", full, "", &out); got != 200 || out.Nodes[0].Owner.Phone[:10] != "1380000000" {
			t.Errorf("%s: %d %+v", full, got, out.Nodes[0].Owner)
		}
		s.ask("POST", "/logout", "", nil)
	}
	s.wrong("GET", "/org?phones=some", "", 401, "login_required")
	var journal struct {
		Entries []struct{ Kind string } `json:"entries"`
	}
	s.login("看客")
	if got := s.ask("GET", "/journal", "", &journal); got != 200 || len(journal.Entries) != 1 || journal.Entries[0].Kind != "tree_imported" {
		t.Errorf("journal: %d %+v", got, journal)
	}
}
