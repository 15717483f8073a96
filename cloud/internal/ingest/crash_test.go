package ingest_test

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

const (
	crashFile   = "LINSHAO_TEST_CRASH" // the child's database
	crashSecret = "LINSHAO_TEST_CRASH_PASSWORD"
	crashFirst  = "LINSHAO_TEST_CRASH_FIRST" // set: the child takes a good message before
	crashCode   = 7
)

// crashed is the story of one life of the program: a fleet says hello and sends; one record of one gateway ends the program.
func crashed(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.mistake = "exit"
	f := newFleet(t, c, 4)
	f.each(func(g *member) error {
		names := []string{"a-" + g.id, "b-" + g.id, "c-" + g.id, "d-" + g.id}
		if g.n == 0 {
			names[2] = "poison"
		}
		if os.Getenv(crashFirst) != "" { // the stream has gone well in this life: nothing is noted before the fall
			if _, err := g.send(wire.UpEvents, batch(g.session, 1, g.epoch, 1, event(t, alert(names[0], rules.Firing)))); err != nil {
				return err
			}
		}
		var rs []*wire.Record
		for _, name := range names {
			rs = append(rs, event(t, alert(name, rules.Firing)))
		}
		acks, err := g.send(wire.UpEvents, batch(g.session, 1, g.epoch, 1, rs...))
		if err == nil && acks[0].Cum != 4 {
			err = errors.New("not all of it was taken")
		}
		return err
	})
}

// TestCrashChild is a life of the program, in a process of its own.
func TestCrashChild(t *testing.T) {
	at := os.Getenv(crashFile)
	if at == "" {
		t.Skip("the child of TestRecordEndsTheProgram")
	}
	crashed(t, dbtest.At(os.Getenv("LINSHAO_TEST_CRASH_KIND"), at, os.Getenv(crashSecret)))
}

// A record that ends the program each time it is applied ends it so often and no more; it alone is parked.
func TestRecordEndsTheProgram(t *testing.T) { dbtest.Each(t, testRecordEndsTheProgram) }

func testRecordEndsTheProgram(t *testing.T, place *dbtest.Place) {
	first := true
	lives := 0
	for {
		lives++
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$", "-test.count=1")
		kind, at, password := place.Where()
		cmd.Env = append(os.Environ(), crashFile+"="+at, crashSecret+"="+password, "LINSHAO_TEST_CRASH_KIND="+kind)
		if first {
			cmd.Env = append(cmd.Env, crashFirst+"=1")
		}
		first = false
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if cmd.ProcessState.ExitCode() != crashCode || lives > 10 {
			t.Fatalf("life %d: %v\n%s", lives, err, out)
		}
	}
	if lives != 5 { // one that nobody expected, three that were counted, and the one that goes on
		t.Errorf("%d lives", lives)
	}
	c := start(t, place)
	defer c.stop()
	parked, err := inbox.ParkedRecords(t.Context(), c.db.Reader(), "", 10)
	if err != nil || len(parked) != 1 || parked[0].Seq != 3 || parked[0].Gateway != "gw-00000" {
		t.Errorf("parked %+v, %v", parked, err)
	}
	if n := c.open(); n != 15 {
		t.Errorf("%d incidents of 15", n)
	}
	entries, err := org.Journal(t.Context(), c.db.Reader(), "gw-00000", 100)
	if err != nil || len(entries) == 0 {
		t.Errorf("journal %v, %v", entries, err)
	}
	var left int
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM tries`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d notes are left, %v", left, err)
	}
}
