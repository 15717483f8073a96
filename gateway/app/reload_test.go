package app_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
)

// gasRule latches, so that an alert stays until the rule is changed.
const gasRule = `rules:
  - id: G1
    title: {zh: 燃气, en: Gas}
    kind: gas
    params: {limit: {normal: 25 %LEL, emergency: 10 %LEL}}
    expr: level >= limit
    latch: true
    severity: B
    mode: notify-only
    message: {zh: "燃气 {level}", en: "gas {level}"}
`

// An office has a gateway's files, and asks it to read them again.
type office struct {
	t    *testing.T
	dir  string
	file string
	hup  chan os.Signal
	g    *running
}

func newOffice(t *testing.T, k *kitchen) *office {
	o := &office{t: t, dir: t.TempDir(), hup: make(chan os.Signal, 1)}
	o.file = filepath.Join(o.dir, "site.yaml")
	site(t, o.dir, k.serve(t)) // writes the file
	o.edit(o.file, "profiles: profiles\n", "profiles: profiles\nrules: rules\n")
	if err := os.Mkdir(filepath.Join(o.dir, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.rules(gasRule)
	return o
}

func (o *office) rules(text string) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, "rules", "gas.yaml"), []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) edit(file, old, text string) {
	o.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(data), old) {
		o.t.Fatalf("no %q in %s: %v", old, data, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, text, 1)), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) start() {
	o.t.Helper()
	s, problems := config.LoadForStart(o.file, config.English)
	if s == nil {
		o.t.Fatal(problems)
	}
	o.g = start(o.t, app.Config{Site: s, Reload: o.hup, Load: func() (*config.Site, configs.Problems) { return config.Load(o.file, config.English) }})
}

// reload asks for it and waits until the events log tells what came of it.
func (o *office) reload() *wire.RulesChange {
	o.t.Helper()
	before := len(o.g.RuleChanges())
	o.hup <- syscall.SIGHUP
	eventually(o.t, "the reload is told", func() bool { return len(o.g.RuleChanges()) > before })
	all := o.g.RuleChanges()
	return all[len(all)-1]
}

func lines(c *wire.RulesChange) string {
	var all []string
	for _, t := range c.GetChanges() {
		all = append(all, t.GetEn())
	}
	return strings.Join(append(all, c.GetProblems()...), "\n")
}

func (o *office) firing(what string, want int) {
	o.t.Helper()
	eventually(o.t, what, func() bool {
		_, page := o.g.get(o.t, "/", "en")
		return strings.Count(page, `name="alert"`) == want
	})
}

func TestAReloadTakesRulesOverridesAndMode(t *testing.T) {
	k := &kitchen{open: true, level: 12}
	o := newOffice(t, k)
	o.start()
	o.firing("nothing is wrong", 0)
	k.set(30)
	o.firing("the alert", 1)
	k.set(12)

	o.edit(o.file, "zones:", "overrides: {G1: {params: {limit: 28 %LEL}}}\nzones:")
	if got := lines(o.reload()); got != "G1: parameter limit is 28 %LEL, was 25 %LEL / 10 %LEL; 1 alerts go on" {
		t.Errorf("override: %s", got)
	}
	o.rules(strings.Replace(gasRule, "severity: B", "severty: B", 1))
	bad := o.reload()
	if got := lines(bad); !strings.Contains(got, "gas.yaml:8:5") || !strings.Contains(got, "severty") {
		t.Errorf("mistake: %s", got)
	}
	if _, page := o.g.get(t, "/", "en"); !strings.Contains(page, "are not in force") || !strings.Contains(page, "gas.yaml:8:5") {
		t.Error("the page does not say that rules were refused")
	}
	o.firing("the alert goes on under the last good rules", 1)

	o.rules(strings.Replace(gasRule, "expr: level", "for: 1s\n    expr: level", 1))
	o.edit(o.file, "overrides: {G1: {params: {limit: 28 %LEL}}}\n", "")
	o.edit(o.file, "timeout: 5s", "timeout: 6s")
	if got := lines(o.reload()); !strings.HasPrefix(got, "G1: has changed; 1 alerts ended") || !strings.HasSuffix(got, "channels in gateway.yaml are other too, and are taken up by a restart only") {
		t.Errorf("change: %s", got)
	}
	o.firing("the alert has ended", 0)
	if _, page := o.g.get(t, "/", "en"); strings.Contains(page, "are not in force") {
		t.Error("the page still says that rules were refused")
	}

	o.edit(o.file, "zones:", "emergency: true\nzones:")
	if c := o.reload(); !c.GetEmergency() || !strings.HasPrefix(lines(c), "emergency mode begins") {
		t.Errorf("%+v", c)
	}
	o.firing("12 is too much in an emergency", 1)
	o.g.stop()
	o.start()
	if _, page := o.g.get(t, "/", "zh"); !strings.Contains(page, "急模式") {
		t.Error("the mode is forgotten")
	}
	o.firing("the alert is still there", 1)
}

// A gateway whose rules are broken starts with the last good ones, and says so; one that never had any does not.
func TestTheLastGoodRulesStandIn(t *testing.T) {
	k := &kitchen{open: true, level: 30}
	o := newOffice(t, k)
	broken := strings.Replace(gasRule, "level >=", "lvl >=", 1)
	o.rules(broken)
	if s, _ := config.LoadForStart(o.file, config.English); s != nil {
		t.Fatal("started with broken rules")
	}
	o.rules(gasRule)
	o.start()
	o.firing("the alert", 1)
	o.g.stop()
	for _, c := range []struct {
		name string
		hurt func()
	}{
		{"broken", func() { o.rules(broken) }},
		{"empty", func() { _ = os.Remove(filepath.Join(o.dir, "rules", "gas.yaml")) }},
		{"gone", func() { _ = os.Remove(filepath.Join(o.dir, "rules")) }},
		{"bad override", func() { o.edit(o.file, "zones:", "overrides: {G2: {mode: armed}}\nzones:") }},
	} {
		name := c.name
		c.hurt()
		if r := config.Check(o.file, config.English); r.Site != nil {
			t.Errorf("%s: a check finds nothing wrong", name)
		}
		before := 0
		o.start()
		eventually(t, "it is told", func() bool { return len(o.g.RuleChanges()) > before })
		all := o.g.RuleChanges()
		if c := all[len(all)-1]; len(c.GetProblems()) == 0 || c.GetHash() == "" {
			t.Errorf("%s: %+v", name, c)
		}
		o.firing("the alert goes on", 1)
		o.g.stop()
	}
}

// Last good rules that this program cannot read are no rules: it says so, and what to do.
func TestLastGoodRulesOfAnotherLanguage(t *testing.T) {
	o := newOffice(t, &kitchen{open: true})
	o.start()
	o.g.stop()
	other, text64 := strings.Replace(gasRule, "level >=", "level was", 1), base64.StdEncoding.EncodeToString
	o.edit(filepath.Join(o.dir, "data", "rules.last.json"), text64([]byte(gasRule)), text64([]byte(other)))
	o.rules(other)
	s, problems := config.LoadForStart(o.file, config.English)
	if text := fmt.Sprint(problems); s != nil || !strings.Contains(text, "last good rules cannot be used either") || !strings.Contains(text, "mend the rules") {
		t.Error(text)
	}
}

// What was changed while the gateway did not run is told too.
func TestRulesChangedBetweenRunsAreTold(t *testing.T) {
	k := &kitchen{open: true, level: 30}
	o := newOffice(t, k)
	o.start()
	o.firing("the alert", 1)
	o.g.stop()
	o.rules(strings.Replace(gasRule, "severity: B", "severity: C", 1))
	o.start()
	eventually(t, "it is told", func() bool { return len(o.g.RuleChanges()) > 0 })
	if got := lines(o.g.RuleChanges()[0]); !strings.HasPrefix(got, "G1: has changed; 1 alerts ended") {
		t.Error(got)
	}
}
