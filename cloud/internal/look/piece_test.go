package look

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

func piece(n uint32, data string, begins, last bool) *wire.Glimpse {
	return &wire.Glimpse{Number: n, Data: []byte(data), Begins: begins, Last: last}
}

// TestOnlyWholeUnitsArePassedOn: a lost piece takes its unit with it, and all up to the next beginning, for which is asked once.
func TestOnlyWholeUnitsArePassedOn(t *testing.T) {
	l := &look{changed: make(chan struct{})}
	var got []string
	asked := 0
	drain := func() {
		for {
			data, _, _, ask := l.next()
			if ask {
				asked++
				l.word()
			}
			if data == nil {
				return
			}
			got = append(got, string(data))
		}
	}
	for _, g := range []*wire.Glimpse{piece(1, "init", true, true), piece(2, "a", false, false), piece(3, "b", false, true), piece(4, "c", false, false),
		piece(6, "d", false, true), piece(7, "e", false, true), piece(7, "e", false, true), piece(8, "init2", true, true), piece(9, "f", false, true)} {
		l.take(g)
	}
	drain()
	want := []string{"init", "ab", "init2", "f"}
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatal(got)
		}
	}
	if w := l.word(); w.GetSeen() != 9 || w.GetAgain() != 1 || asked == 0 || l.held != 0 {
		t.Errorf("%v, asked %d times, %d bytes held", w, asked, l.held)
	}
	l.take(&wire.Glimpse{Number: 10, Over: true, Why: "time"})
	if _, over, _, _ := l.next(); over != "time" {
		t.Error(over)
	}
}

// TestAUnitLargerThanTheWindowComes: what stands in a unit that is not whole takes no room on the way.
func TestAUnitLargerThanTheWindowComes(t *testing.T) {
	l := &look{changed: make(chan struct{})}
	large := string(make([]byte, wire.LookPiece))
	for n := uint32(1); n <= 40; n++ {
		l.take(piece(n, large, false, n == 40))
		if _, _, _, ask := l.next(); ask {
			l.word()
		}
		if n < 40 && n-l.told >= wire.LookWindow/wire.LookPiece {
			t.Fatalf("at piece %d the gateway knows of %d", n, l.told)
		}
	}
	if l.held != 0 {
		t.Error("it is not passed on")
	}
	hostile := &look{changed: make(chan struct{})}
	for n := uint32(1); hostile.over == ""; n++ {
		if hostile.take(piece(n, large, false, false)); hostile.held > unitMost {
			t.Fatal("held without bound")
		}
	}
}
