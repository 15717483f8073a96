package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// staff is the street of the story: who works where, and a department beside the communities.
const staff = `nodes:
  - {id: street, kind: 街道, name: 云枫街道, owner: {name: 陈主任, phone: "13800000001"}, contacts: [{role: 值班室, name: 街道值班室, phone: "023-68123456"}]}
  - {id: community, parent: street, kind: 社区, name: 寨子坪社区, owner: {name: 李书记, phone: "13800000002"}}
  - {id: grid, parent: community, kind: 网格, name: 第一网格, owner: {name: 王网格, phone: "13800000003"}}
  - {id: yard, parent: grid, kind: 小区, name: 锦绣花园, sites: [jinxiu]}
  - {id: safety, parent: street, kind: 职能部门, name: 应急办, owner: {name: 钱科长, phone: "13800000004"}}
`

// loop is five people of a street, each with a browser of their own, and the incident they work on.
type loop struct {
	*street
	people map[string]*http.Client
	id     string
}

type step struct {
	N                        int
	Deed, From, To, By, Note string
	At                       int64
	Photos                   []struct{ ID, SHA256 string }
	Text                     struct{ ZH string }
	Measured                 []struct{ Name string }
	Assignee                 *struct{ Name string }
}

type page struct {
	ID, Step, Handling, Condition, Source, Category, Severity, TakenBy, Outcome string
	Rating, Reworked, Urged, Whistle                                            int
	StepDue, SuspendedAt                                                        int64
	Steps                                                                       []step
	Next                                                                        []struct{ Deed string }
	Card                                                                        []struct{ ZH string }
	Answers                                                                     struct{ Name, Person string }
	Timeline                                                                    []struct {
		At   int64
		By   string
		Text struct{ ZH string }
	}
}

func openLoop(t *testing.T, place *dbtest.Place) *loop {
	t.Helper()
	dir := dbtest.Dir(t)
	s := open(t, place, dir, false)
	cfg, err := app.Load(filepath.Join(dir, "cloud.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := app.ImportOrg(t.Context(), cfg, tree.Parse("org.yaml", []byte(staff)), tree.Options{Strict: true, By: "陈主任", Now: time.Now()}); err != nil || r.Nothing {
		t.Fatalf("%+v %v", r, err)
	}
	l := &loop{street: s, people: map[string]*http.Client{}}
	for name, grant := range map[string]string{"赵经理": "property@yard", "王网格": "grid@grid", "李书记": "community@community", "钱科长": "department@safety", "陈主任": "street", "管理员": "admin"} {
		if err := app.AddUser(t.Context(), cfg, app.Account{Name: name, Grants: []string{grant}}, password); err != nil {
			t.Fatal(err)
		}
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		l.people[name] = &http.Client{Jar: jar, Transport: s.http.Transport}
		l.as(name)
		l.login(name)
	}
	return l
}

// as hands the keyboard to somebody.
func (l *loop) as(name string) *loop {
	l.http = l.people[name]
	return l
}

// do does a deed and answers the incident as it is then.
func (l *loop) do(who, deed, body string) page {
	l.t.Helper()
	var p page
	if got := l.as(who).ask("POST", "/incidents/"+l.id+"/"+deed, body, &p); got != http.StatusOK {
		l.t.Fatalf("%s %s %s: %d", who, deed, body, got)
	}
	return p
}

// refused tries a deed that must not be, and answers why not.
func (l *loop) refused(who, deed, body string, status int) string {
	l.t.Helper()
	var p problem
	if got := l.as(who).ask("POST", "/incidents/"+l.id+"/"+deed, body, &p); got != status || p.Message == "" {
		l.t.Errorf("%s %s: %d %+v, want %d", who, deed, got, p, status)
	}
	return p.Message
}

func (l *loop) look(who string) page {
	l.t.Helper()
	var p page
	if got := l.as(who).ask("GET", "/incidents/"+l.id, "", &p); got != http.StatusOK {
		l.t.Fatalf("%s looks: %d", who, got)
	}
	return p
}

func shot(t *testing.T, width int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, 8)), nil); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	place := "GPS 29.5630N 106.5516E"
	return bytes.Join([][]byte{file[:2], {0xff, 0xfe, 0, byte(len(place) + 2)}, []byte(place), file[2:]}, nil)
}

// upload sends a body as a browser does, and answers the status.
func (l *loop) upload(who, path, kind string, body []byte) (id, code string, status int) {
	l.t.Helper()
	var p struct{ ID, Code string }
	status = l.as(who).ask("POST", path, string(body), &p, "Content-Type", kind)
	return p.ID, p.Code, status
}

// tell prints what happened, as the street would read it.
func (l *loop) tell(title string, p page) {
	l.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s（%s 级，%s）\n", title, p.ID, p.Severity, p.Outcome)
	last := int64(0)
	for _, s := range p.Steps {
		who := s.By
		if who == "" {
			who = "（传感器）"
		}
		fmt.Fprintf(&b, "  %d %s %-8s %s→%s %s", s.N, time.UnixMilli(s.At).Format("15:04:05.000"), s.Text.ZH, s.From, s.To, who)
		if s.Assignee != nil {
			fmt.Fprintf(&b, " 交 %s", s.Assignee.Name)
		}
		if s.Note != "" {
			fmt.Fprintf(&b, "：%s", s.Note)
		}
		if len(s.Photos) > 0 {
			fmt.Fprintf(&b, "（照片 %d 张）", len(s.Photos))
		}
		b.WriteString("\n")
		if s.At < last {
			l.t.Errorf("step %d is before the one before", s.N)
		}
		last = s.At
	}
	l.t.Log(b.String())
}

// reached says that the eight steps were gone through in their order.
func (l *loop) reached(p page, want string) {
	l.t.Helper()
	var went []string
	for _, s := range p.Steps {
		if s.To != s.From {
			went = append(went, s.To)
		}
	}
	if got := strings.Join(went, " "); got != want {
		l.t.Errorf("went through %s, want %s", got, want)
	}
}

// TestTheStreetsLoop walks a gas alert, an overcharge and a resident's call through all eight steps, with five people of the
// street in five roles: property, grid, community, department, street.
func TestTheStreetsLoop(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		l := openLoop(t, place)
		l.gas()
		l.overcharge()
		l.report()
	})
}

// gas is of class A: the sensor tells it, the grid verifies, the community accepts and hands it to the department, which is
// sent back once, and somebody else checks.
func (l *loop) gas() {
	t := l.t
	l.fire("gas/1", rules.Firing)
	var list struct{ Incidents []page }
	l.as("王网格").ask("GET", "/incidents?step=reported&severity=A&node=community&category=danger", "", &list)
	if len(list.Incidents) != 1 || list.Incidents[0].Source != "sensor" {
		t.Fatalf("%+v", list)
	}
	l.id = list.Incidents[0].ID
	for query, messages := range map[string]int{"": 1, "?brief=true": 0} {
		var raw json.RawMessage
		l.as("王网格").ask("GET", "/incidents"+query, "", &raw)
		if n := strings.Count(string(raw), `"message":`); n != messages {
			t.Errorf("%d messages in the list %q: %s", n, query, raw)
		}
	}
	if l.as("钱科长").ask("GET", "/incidents/"+l.id, "", nil) != http.StatusNotFound {
		t.Error("the department sees what is not given to it")
	}
	if p := l.look("赵经理"); p.StepDue == 0 || p.Answers.Name != "锦绣花园" || len(p.Next) != 4 { // verify, reject, take, note
		t.Errorf("%+v", p)
	}
	l.refused("王网格", "accept", "{}", http.StatusForbidden)
	if why := l.refused("李书记", "accept", "{}", http.StatusConflict); !strings.Contains(why, "现在是“上报”") || !strings.Contains(why, "核实") {
		t.Error(why)
	}
	id, _, status := l.upload("王网格", "/incidents/"+l.id+"/photos", "image/jpeg", shot(t, 64))
	if status != http.StatusOK {
		t.Fatal(status)
	}
	l.do("王网格", "verify", `{"note":"厨房有燃气味，已开窗","photos":["`+id+`"],"measured":[{"name":"手持检测仪","value":31,"unit":"%LEL"}]}`)
	l.do("李书记", "accept", `{"severity":"A"}`)
	l.refused("李书记", "dispatch", "{}", http.StatusConflict)
	l.refused("李书记", "dispatch", `{"to":{"kind":"person","id":"没有此人"}}`, http.StatusConflict)
	if p := l.do("李书记", "dispatch", `{"to":{"kind":"node","id":"safety"},"note":"关阀、排查户内软管"}`); p.Handling != "open" {
		t.Errorf("%+v", p)
	}
	l.do("李书记", "urge", `{"note":"请十分钟内到场"}`)
	if p := l.do("陈主任", "whistle", `{"whistle":2,"note":"需要燃气公司"}`); p.Whistle != 2 || p.Answers.Name != "云枫街道" || p.Answers.Person != "陈主任" {
		t.Errorf("%+v", p)
	}
	if p := l.do("钱科长", "begin", ""); p.Handling != "handling" || p.TakenBy != "钱科长" {
		t.Errorf("%+v", p)
	}
	if why := l.refused("钱科长", "close", `{"outcome":"real","note":"好了","evenActive":true}`, http.StatusConflict); !strings.Contains(why, "李书记") {
		t.Error(why)
	}
	l.do("钱科长", "finish", `{"note":"换了软管"}`)
	l.do("李书记", "rework", `{"note":"接头仍漏，请复查"}`)
	l.do("钱科长", "finish", `{"note":"接头已紧固，检漏液无气泡","measured":[{"name":"手持检测仪","value":0,"unit":"%LEL"}]}`)
	l.do("王网格", "note", `{"note":"居民已回家"}`)
	l.cards()
	l.do("李书记", "check", `{"note":"现场复测 0"}`)
	l.refused("赵经理", "close", `{"outcome":"real"}`, http.StatusConflict) // the condition lasts
	l.fire("gas/1", rules.Resolved)
	if p := l.look("赵经理"); p.Step != "checked" || p.Condition != "recovered" {
		t.Errorf("recovery closes nothing: %+v", p)
	}
	l.do("赵经理", "close", `{"outcome":"real","note":"燃气软管老化"}`)
	l.rateByLink()
	p := l.look("陈主任")
	if p.Step != "rated" || p.Handling != "closed" || p.Rating != 5 || p.Reworked != 1 || p.Urged != 1 {
		t.Errorf("%+v", p)
	}
	l.reached(p, "reported verified accepted dispatched in_progress checked closed rated")
	l.tell("燃气高报", p)
}

// cards are what to do, in the street's own words: the nearest counts.
func (l *loop) cards() {
	l.as("王网格").wrong("POST", "/cards", `{"cards":[{"topic":"R16","lines":[{"zh":"先通风","en":"Air first"}]}]}`, http.StatusForbidden, "forbidden")
	l.as("管理员")
	if got := l.ask("POST", "/cards", `{"cards":[{"topic":"R16","lines":[{"zh":"全街道","en":"Everywhere"}]},{"topic":"R16","place":"node:grid","lines":[{"zh":"找燃气公司 12 栋值班点","en":"Ask the gas company"}]}]}`, nil); got != http.StatusOK {
		l.t.Errorf("cards: %d", got)
	}
	if p := l.look("赵经理"); len(p.Card) != 1 || p.Card[0].ZH != "找燃气公司 12 栋值班点" {
		l.t.Errorf("%+v", p.Card)
	}
	if got := l.as("管理员").ask("POST", "/cards", `{"cards":[{"topic":"R16","place":"node:grid","lines":[]}]}`, nil); got != http.StatusOK {
		l.t.Errorf("cards: %d", got)
	}
	if p := l.look("赵经理"); len(p.Card) != 1 || p.Card[0].ZH != "全街道" {
		l.t.Errorf("%+v", p.Card)
	}
}

// rateByLink is the resident, who has no account.
func (l *loop) rateByLink() {
	t := l.t
	l.refused("陈主任", "rate", `{"rating":5}`, http.StatusConflict) // who has not reported it
	var link struct{ Link, Key string }
	if l.as("赵经理").ask("POST", "/incidents/"+l.id+"/rate-link", "", &link) != http.StatusOK || link.Key == "" {
		t.Fatalf("%+v", link)
	}
	l.http = &http.Client{Transport: l.http.Transport}
	if got := l.ask("GET", "/incidents/"+l.id+"?k="+link.Key, "", nil); got != http.StatusUnauthorized {
		t.Errorf("a resident sees the incident: %d", got)
	}
	if got := l.ask("POST", "/incidents/"+l.id+"/take?k="+link.Key, "{}", nil); got != http.StatusUnauthorized {
		t.Errorf("a resident takes the incident: %d", got)
	}
	if got := l.as("陈主任").ask("POST", "/incidents/"+l.id+"/rate?k="+link.Key+"x", `{"rating":5}`, nil); got != http.StatusConflict {
		t.Errorf("by a link that is none: %d", got)
	}
	// The resident opens the link at the counter, where the director is logged in.
	var asked struct {
		Title    struct{ ZH string }
		ClosedAt int64
	}
	if got := l.ask("GET", "/incidents/"+l.id+"/rate?k="+link.Key, "", &asked); got != http.StatusOK || asked.Title.ZH == "" || asked.ClosedAt == 0 {
		t.Errorf("what a resident rates: %d %+v", got, asked)
	}
	if got := l.as("陈主任").ask("POST", "/incidents/"+l.id+"/rate?k="+link.Key, `{"rating":5,"note":"来得快"}`, nil); got != http.StatusOK {
		t.Errorf("rate: %d", got)
	}
	if got := l.ask("POST", "/incidents/"+l.id+"/rate?k="+link.Key, `{"rating":1}`, nil); got != http.StatusConflict {
		t.Errorf("rated twice: %d", got)
	}
}
