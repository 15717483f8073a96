package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/rules"
)

// leakOf is a gateway's folder, in use, in which R16 fired, shut the valve and was reset. listen is where its page would be.
func leakOf(t *testing.T, listen string) (dir string) {
	t.Helper()
	dir = site(t, strings.NewReplacer("ADDRESS", "127.0.0.1:502", `"127.0.0.1:0"`, `"`+listen+`"`).Replace(small))
	data := filepath.Join(dir, "data")
	log, err := outbox.Open(outbox.Config{Dir: filepath.Join(data, "events"), Stream: wire.StreamEvents, Quota: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	at := time.Date(2026, 11, 22, 9, 15, 0, 0, time.UTC)
	put := func(e *wire.Event) {
		payload, err := proto.Marshal(e)
		if err == nil {
			_, err = log.Append(wire.TypeEvent, at, wire.ClockSynced, payload)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text := []rules.Source{{Name: "rules/gas.yaml", Data: []byte("rules:\n  - id: R16\n    expr: level >= limit   # as it was then\n")}}
	if err := config.Keep(&config.Site{Data: data, Sources: text}); err != nil {
		t.Fatal(err)
	}
	alert := rules.AlertEvent{Alert: "R16/gas-1/20261122T091500Z", Rule: "R16", Version: rules.Excerpts(text)[0].Version, Subject: "gas-1", Severity: "A", State: rules.Firing,
		Since: at, At: at, Title: rules.Text{ZH: "燃气高报", EN: "Gas high"}, Message: rules.Text{ZH: "厨房 燃气泄漏", EN: "Kitchen: leak"},
		Evidence: []rules.Evidence{{Name: "level", Unit: "%LEL", Value: 26.1, Quality: device.Good}},
		Why:      []rules.Text{{ZH: "level 26.1 %LEL ≥ limit 25 %LEL → 成立", EN: "level 26.1 %LEL ≥ limit 25 %LEL → true"}}}
	put(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(alert)}})
	for _, outcome := range []string{"intent", "confirmed"} {
		put(&wire.Event{Kind: &wire.Event_Action{Action: &wire.ActionResult{Alert: alert.Alert, Action: &wire.Action{Device: "valve-1", Point: "open"}, Outcome: outcome, Owner: "safety", Attempts: 1, AtMs: at.UnixMilli()}}})
	}
	alert.State, alert.At, alert.Message = rules.Resolved, at.Add(time.Hour), rules.Text{ZH: "已人工复位：厨房", EN: "Reset by a person: kitchen"}
	alert.Why = nil
	put(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(alert)}})
	return dir
}

func TestRulesWhyTellsALife(t *testing.T) {
	dir := leakOf(t, "127.0.0.1:1")
	code, out, errs := gateway(t, dir, "zh_CN.UTF-8", "rules", "why", "R16/gas-1", "--data", "data")
	for _, want := range []string{"R16/gas-1/20261122T091500Z  燃气高报", "报警 A  厨房 燃气泄漏", "    level 26.1 %LEL ≥ limit 25 %LEL → 成立", "    值：level 26.1 %LEL",
		"动作 valve-1.open=0 要执行，第 1 次（安全规则）", "动作 valve-1.open=0 已确认", "结束  已人工复位：厨房", "  - id: R16\n    expr: level >= limit   # as it was then\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("without %q:\n%s%s", want, out, errs)
		}
	}
	if code != exitOK || strings.Contains(out, "网关没有应答") {
		t.Errorf("%d\n%s", code, out)
	}
	code, out, _ = gateway(t, dir, "en", "rules", "why", "R16/gas-1/20261122T091500Z", "--config", "site.yaml", "--json")
	var got whyJSON
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK || len(got.Events) != 4 || !got.SameText || got.State != "resolved" || got.NotAsked == "" ||
		got.Events[1].Action.Owner != "safety" || got.Events[0].Why[0].EN != "level 26.1 %LEL ≥ limit 25 %LEL → true" {
		t.Errorf("%d %v\n%s", code, err, out)
	}
}

func TestRulesWhySaysWhatThereIs(t *testing.T) {
	dir := leakOf(t, "127.0.0.1:1")
	for _, c := range []struct {
		ask  string
		code int
		want string
	}{
		{"R16/gas-2", exitFinding, "there is no device gas-2; did you mean gas-1?"},
		{"R1/gas-1", exitFinding, "there is no rule R1"},
		{"R16/valve-1", exitFinding, "R16/valve-1 has had no alert\nand the gateway does not answer"},
		{"R16/gas-1/20991122T091501Z", exitFinding, "the events log has no alert R16/gas-1/20991122T091501Z\nthe last alerts:\n  R16/gas-1/20261122T091500Z  resolved  Gas high"},
		{"R16/gas-1/20251122T091501Z", exitFinding, "the events log no longer holds R16/gas-1/20251122T091501Z: it begins at 2026-11-22"},
		{"R16", exitUsage, "name an alert"},
		{"/gas-1", exitUsage, "name an alert"},
	} {
		code, out, errs := gateway(t, dir, "en", "rules", "why", c.ask, "--config", "site.yaml")
		if code != c.code || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%s: %d, want %d\n%s%s", c.ask, code, c.code, out, errs)
		}
	}
	if code, _, errs := gateway(t, dir, "en", "rules", "why", "R16/gas-1"); code != exitUsage {
		t.Errorf("no folder: %d %s", code, errs)
	}
	if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := gateway(t, dir, "en", "rules", "why", "R16/gas-1", "--data", "empty"); code != exitFinding || !strings.Contains(errs, "has had no alert") {
		t.Errorf("an empty folder: %d %s", code, errs)
	}
}

func TestRulesWhyAsksTheGateway(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "guard" || password != "secret-secret" || r.FormValue("rule") != "R16" || r.FormValue("subject") != "valve-1" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"rule":"R16","subject":"valve-1","why":[{"zh":"门关着","en":"shut"}],"traces":[{"changed":true,"state":"firing","why":[{"zh":"当时","en":"then"}]}]}`)
	}))
	defer server.Close()
	dir := leakOf(t, strings.TrimPrefix(server.URL, "http://"))
	file := filepath.Join(dir, "site.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), `"}`, `", password_file: page.pass}`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "page.pass"), []byte("guard:secret-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := gateway(t, dir, "en", "rules", "why", "R16/valve-1", "--config", "site.yaml")
	if code != exitOK || !strings.Contains(out, "R16/valve-1: no alert in the log") || !strings.Contains(out, "no alert\n    shut\n") || !strings.Contains(out, "  firing\n    then\n") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
}
