package look_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/look"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func box(kind string, size int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(8+size)), append([]byte(kind), make([]byte, size)...)...)
}

// eye sends the beginning of a file and then a fragment of 40 KiB twice a second, in pieces that end anywhere.
type eye struct{ device.Camera }

func (eye) Live(ctx context.Context, _ string, chunk func([]byte) error) error {
	b := append(box("ftyp", 16), box("moov", 600)...)
	for {
		for at := 0; at < len(b); at += 7000 {
			if err := chunk(b[at:min(at+7000, len(b))]); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(500 * time.Millisecond):
		}
		b = append(box("moof", 200), box("mdat", 40<<10)...)
	}
}

// street is the cloud's end: it asks and takes.
type street struct {
	*look.Desk
	ask    *wire.Look
	pieces []*wire.Glimpse
	bytes  int
	over   string
}

func open(t *testing.T) *street {
	s := &street{Desk: look.New(look.Config{Boot: 7, Started: time.Now(), Now: time.Now, Log: slog.New(slog.DiscardHandler), Find: func(id string) (device.Camera, bool) { return eye{}, id == "cam-1" }}),
		ask: &wire.Look{Id: "l1", Session: 5, Boot: 7, UntilMs: 50_000, Device: "cam-1", Who: "陈敏", Reason: "烟"}}
	return s.running(t)
}

// running lets it run until the test ends.
func (s *street) running(t *testing.T) *street {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// take takes what there is for a while; heard says to the gateway that it came.
func (s *street) take(during time.Duration, heard bool) {
	for end := time.Now().Add(during); time.Now().Before(end); <-time.After(100 * time.Millisecond) {
		for b := s.Next(wire.MaxMessage); b != nil; b = s.Next(wire.MaxMessage) {
			g := &wire.Glimpse{}
			if err := proto.Unmarshal(b, g); err != nil {
				panic(err)
			}
			s.pieces = append(s.pieces, g)
			s.bytes += len(g.GetData())
			if g.GetOver() {
				s.over = g.GetWhy()
			}
			if heard {
				s.ask.Seen = g.GetNumber()
			}
		}
		if heard {
			s.Ask(5, s.ask)
		}
	}
}

// TestALookGoesOnForItsTime: whole units in order, and then its end by the gateway's own clock.
func TestALookGoesOnForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.Ask(4, s.ask) // of another session
		if _, ok := s.Looking(); ok {
			t.Fatal("it takes what was not for this session")
		}
		s.Ask(5, s.ask)
		s.take(30*time.Second, true)
		if l, ok := s.Looking(); !ok || l.Who != "陈敏" || l.Camera != "cam-1" || l.Reason != "烟" {
			t.Fatalf("%+v", l)
		}
		s.take(25*time.Second, true)
		var unit []byte
		for i, g := range s.pieces[:len(s.pieces)-1] { // what had not gone when it was over does not go any more
			if g.GetNumber() != uint32(i+1) || g.GetLook() != "l1" || g.GetSession() != 5 || len(g.GetData()) > wire.LookPiece {
				t.Fatalf("piece %d: %v", i, g)
			}
			if unit = append(unit, g.GetData()...); g.GetLast() {
				if begins := bytes.Contains(unit, []byte("moov")); begins != g.GetBegins() || !begins && len(unit) != 208+8+40<<10 {
					t.Fatalf("a unit of %d bytes", len(unit))
				}
				unit = nil
			}
		}
		if s.over != "time" || s.bytes < 90*40<<10 {
			t.Errorf("%d bytes, over by %q", s.bytes, s.over)
		}
		if s.Ask(5, s.ask); s.Next(wire.MaxMessage) != nil {
			t.Error("what is over begins anew")
		}
	})
}

// TestALookKeepsToItsWindow: what nobody has taken stays little, and a cloud that is silent ends it.
func TestALookKeepsToItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.Ask(5, s.ask)
		s.take(7*time.Second, false)
		if s.bytes > wire.LookWindow || s.bytes < wire.LookWindow/2 {
			t.Errorf("%d bytes are under way", s.bytes)
		}
		other := &wire.Look{Id: "l2", Session: 5, Boot: 7, UntilMs: 50_000, Device: "cam-1", Who: "李伟"}
		if s.Ask(5, other); s.over != "" {
			t.Error("two at once")
		}
		if s.take(100*time.Millisecond, false); s.over != "busy" {
			t.Errorf("the other is told %q", s.over)
		}
		if s.take(5*time.Second, false); s.over != "stopped" {
			t.Errorf("over by %q", s.over)
		}
	})
}

// TestALostPieceBringsAnotherBeginning, and who leaves ends it.
func TestALostPieceBringsAnotherBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.Ask(5, s.ask)
		s.take(3*time.Second, true)
		s.ask.Again = 1
		s.take(3*time.Second, true)
		begins := 0
		for _, g := range s.pieces {
			if g.GetBegins() {
				begins++
			}
		}
		s.ask.Over = true
		if s.take(2*time.Second, true); begins != 2 || s.over != "stopped" {
			t.Errorf("%d beginnings, over by %q", begins, s.over)
		}
	})
}

// questions opens a desk that answers what is asked of "meter-1": with so many bytes of frames.
func questions(t *testing.T, size int) *street {
	s := &street{ask: &wire.Look{Id: "a1", Session: 5, Boot: 7, UntilMs: 50_000, Device: "meter-1", Who: "陈敏", Ask: &wire.Ask{About: &wire.Ask_Frames{Frames: &wire.AskFrames{}}}}}
	s.Desk = look.New(look.Config{Boot: 7, Started: time.Now(), Now: time.Now, Log: slog.New(slog.DiscardHandler), Answer: func(_ context.Context, device string, a *wire.Ask) (*wire.Answer, error) {
		if device != "meter-1" || a.GetFrames() == nil {
			return nil, look.ErrUnknown
		}
		return &wire.Answer{AtMs: 1, Frames: []*wire.Frame{{In: make([]byte, size)}}}, nil
	}})
	return s.running(t)
}

// TestWhoIsSentAwayHearsOfIt: also when the look that was in the way ends before the uplink has taken the word.
func TestWhoIsSentAwayHearsOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.Ask(5, s.ask)
		synctest.Wait()
		s.Ask(5, &wire.Look{Id: "l2", Session: 5, Boot: 7, UntilMs: 50_000, Device: "cam-1", Who: "赵强"})
		s.ask.Over = true
		s.Ask(5, s.ask)
		synctest.Wait()
		s.take(10*time.Second, false)
		said := map[string]string{}
		for _, g := range s.pieces {
			if said[g.GetLook()] += g.GetWhy(); len(g.GetData()) > 0 {
				t.Error("what had not gone when it was over goes all the same")
			}
		}
		if said["l1"] != "stopped" || said["l2"] != "busy" {
			t.Errorf("%v", said)
		}
	})
}

// TestAQuestionIsAnsweredOnce: in one unit of any size that is allowed, piece by piece; the same again when a piece was lost; and one
// that this program does not know, or that is too long an answer, ends with a word.
func TestAQuestionIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := questions(t, 300<<10)
		s.Ask(5, s.ask)
		s.take(6*time.Second, true)
		answer := &wire.Answer{}
		if err := proto.Unmarshal(s.whole(0), answer); err != nil || len(answer.GetFrames()[0].GetIn()) != 300<<10 {
			t.Fatal(err, len(s.pieces))
		}
		first := len(s.pieces)
		s.ask.Again = 1
		if s.take(6*time.Second, true); !bytes.Equal(s.whole(first), s.whole(0)) {
			t.Error("another answer")
		}
		s.ask.Over = true
		if s.take(time.Second, true); s.over != "stopped" {
			t.Errorf("over by %q", s.over)
		}
		s.ask = &wire.Look{Id: "a2", Session: 5, Boot: 7, UntilMs: 50_000, Device: "meter-1", Who: "陈敏", Ask: &wire.Ask{}}
		s.Ask(5, s.ask)
		if s.take(time.Second, true); s.over != "unknown" {
			t.Errorf("what it does not know ends by %q", s.over)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := questions(t, wire.MaxAnswer)
		s.Ask(5, s.ask)
		if s.take(time.Second, true); s.over != "failed" || s.bytes > 0 {
			t.Errorf("%d bytes, over by %q", s.bytes, s.over)
		}
	})
}

// whole is the unit that begins with a piece.
func (s *street) whole(from int) (unit []byte) {
	for _, g := range s.pieces[from:] {
		if unit = append(unit, g.GetData()...); g.GetLast() {
			return unit
		}
	}
	return nil
}
