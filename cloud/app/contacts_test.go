package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/rules"
)

// The property manager may not read every number, yet can call who answers for the alert in hand, and the street; that is
// written down, and ends with the alert.
func TestWhoCanBeCalled(t *testing.T) {
	l := openLoop(t, dbtest.SQLite(t))
	l.fire("gas/1", rules.Firing)
	var list struct{ Incidents []page }
	l.as("赵经理").ask("GET", "/incidents", "", &list)
	l.id = list.Incidents[0].ID
	l.wrong("GET", "/sites/jinxiu/org?phones=full", "", http.StatusForbidden, "forbidden")
	type person struct{ Name, Phone, As string }
	var out struct{ Duty, Desk []person }
	path := "/incidents/" + l.id + "/contacts"
	if got := l.ask("POST", path, "", &out); got != 200 || len(out.Duty) != 1 || out.Duty[0].Phone != "13800000003" || len(out.Desk) != 1 || out.Desk[0] != (person{"街道值班室", "023-68123456", "desk"}) {
		t.Errorf("%d %+v", got, out)
	}
	if got := l.as("钱科长").ask("POST", path, "", nil); got != http.StatusNotFound {
		t.Errorf("a department that has nothing to do with it: %d", got)
	}
	l.as("管理员").wrong("POST", path, "", http.StatusForbidden, "forbidden")
	var log struct {
		Entries []struct {
			Who, About, Site string
			Detail           map[string]string
		}
	}
	if got := l.ask("GET", "/audit?act=incident.contacts", "", &log); got != 200 || len(log.Entries) != 1 || log.Entries[0].Who != "赵经理" || log.Entries[0].About != l.id || log.Entries[0].Detail["people"] != "王网格, 街道值班室" {
		t.Errorf("%d %+v", got, log)
	}
	l.do("赵经理", "reject", `{"outcome":"false_alarm","note":"到场看过，是喷了杀虫剂","evenActive":true}`)
	if why := l.refused("赵经理", "contacts", "", http.StatusConflict); !strings.Contains(why, "已办结") {
		t.Error(why)
	}
}
