package ingest_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// TestNoticesAreInTheJournal: each under its kind, about its device or line, in both languages; once, although the batch comes twice.
func TestNoticesAreInTheJournal(t *testing.T) { dbtest.Each(t, testNoticesAreInTheJournal) }

func testNoticesAreInTheJournal(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	kinds := append(wire.NoticeKinds(), "of_next_year")
	var all []*wire.Record
	for i, kind := range kinds {
		n := &wire.Notice{Kind: kind, Device: "meter-1", Channel: "rs485-1", Text: &wire.Text{Zh: "表号变了", En: "another meter"}, AtMs: t0.Add(time.Duration(i) * time.Minute).UnixMilli()}
		if kind == wire.NoticeLineOverloaded {
			n.Device = ""
		}
		all = append(all, event(t, &wire.Event{Kind: &wire.Event_Notice{Notice: n}}))
	}
	c.hello(7, state(1, 11, 1, uint64(len(all)+1)), state(2, 12, 0, 1))
	for range 2 {
		if a := one(t, c.send(wire.UpEvents, batch(7, 1, 11, 1, all...))); a.Cum != uint64(len(all)) {
			t.Fatalf("ack %v", a)
		}
	}
	entries, err := org.Journal(t.Context(), c.db.Reader(), gw, 20)
	if err != nil || len(entries) != len(all) {
		t.Fatalf("%+v, %v", entries, err)
	}
	for i, kind := range kinds {
		about := "meter-1"
		switch kind {
		case wire.NoticeLineOverloaded:
			about = "rs485-1"
		case "of_next_year":
			kind = org.FieldNotice
		}
		e := entries[len(entries)-1-i]
		if e.Kind != kind || !e.At.Equal(t0.Add(time.Duration(i)*time.Minute)) || e.Text.ZH != about+"：表号变了" || e.Text.EN != about+": another meter" {
			t.Errorf("%s: %+v", kind, e)
		}
	}
}

// TestEveryNoticeHasAWord: the 系统 page calls each kind by a name of its own, in both languages.
func TestEveryNoticeHasAWord(t *testing.T) {
	words, err := os.ReadFile("../web/ui/src/words/system.ts")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range append(wire.NoticeKinds(), org.FieldNotice) {
		if n := strings.Count(string(words), "'journal."+kind+"':"); n != 2 {
			t.Errorf("system.ts has %d words for a notice of the kind %s, want one in each language", n, kind)
		}
	}
}
