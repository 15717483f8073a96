package ingest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// TestChangedRulesAreInTheJournal: what was changed, what that did to alerts, and why something was refused; once.
func TestChangedRulesAreInTheJournal(t *testing.T) { dbtest.Each(t, testChangedRulesAreInTheJournal) }

func testChangedRulesAreInTheJournal(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	change := func(r *wire.RulesChange) *wire.Record {
		return event(t, &wire.Event{Kind: &wire.Event_Rules{Rules: r}})
	}
	c.hello(7, state(1, 11, 1, 3), state(2, 12, 0, 1))
	both := batch(7, 1, 11, 1,
		change(&wire.RulesChange{Hash: "0123456789ab", Emergency: true, AtMs: t0.UnixMilli(),
			Changes: []*wire.Text{{Zh: "R01 已更改，1 条告警结束", En: "R01 has changed, 1 alert ended"}}}),
		change(&wire.RulesChange{Hash: "0123456789ab", AtMs: t0.Add(time.Minute).UnixMilli(),
			Problems: strings.Split(strings.Repeat("gas.yaml:7:5: unknown key\n", 30), "\n")}))
	for range 2 {
		if a := one(t, c.send(wire.UpEvents, both)); a.Cum != 2 {
			t.Fatalf("ack %v", a)
		}
	}
	entries, err := org.Journal(t.Context(), c.db.Reader(), gw, 10)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%+v, %v", entries, err)
	}
	refused, changed := entries[0], entries[1]
	if changed.Kind != org.RulesChanged || !changed.At.Equal(t0) || changed.Text.ZH != "规则已更新（版本 0123456789ab，急模式）。\nR01 已更改，1 条告警结束" ||
		changed.Text.EN != "Other rules are in force (version 0123456789ab, emergency mode).\nR01 has changed, 1 alert ended" {
		t.Errorf("%+v", changed)
	}
	if refused.Kind != org.RulesRefused || !strings.Contains(refused.Text.ZH, "原来的规则继续运行") || !strings.Contains(refused.Text.EN, "31 mistakes") ||
		strings.Count(refused.Text.EN, "unknown key") != 20 {
		t.Errorf("%+v", refused)
	}
}
