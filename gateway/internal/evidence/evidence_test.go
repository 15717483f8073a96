package evidence_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	format "github.com/linshao/linshao/cloud/wire/evidence"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/evidence"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func box(kind string, size int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(8+size)), append([]byte(kind), make([]byte, size)...)...)
}

// eye is a camera that sends boxes: an initialisation segment and a fragment a second.
type eye struct {
	stop  time.Time     // from here on it sends nothing; zero: never
	half  chan struct{} // closed when half of a clip was given out; the rest never comes
	panic bool
	said  *os.File      // told of every chunk; nil: nobody
	ring  time.Duration // how far back it remembers; zero: for ever
}

func (e eye) Clip(ctx context.Context, dev string, from, to time.Time, chunk func([]byte) error) (device.Clip, error) {
	if e.panic {
		panic("a camera's mistake")
	}
	if e.ring > 0 {
		if time.Since(from) > e.ring {
			return device.Clip{}, device.ErrNoPicture
		}
		select {
		case <-time.After(time.Until(to)):
		case <-ctx.Done():
			return device.Clip{}, ctx.Err()
		}
	}
	clip := device.Clip{Codec: "avc1.64001f", Width: 640, Height: 360, From: from, To: to, CameraFrom: from.Add(time.Second)}
	err := chunk(append(box("ftyp", 8), box("moov", 100)...))
	for at := from; err == nil && at.Before(to); at = at.Add(time.Second) {
		if e.half != nil && at.Sub(from) > to.Sub(from)/2 {
			err = chunk(box("moof", 500)[:300]) // in the midst of a fragment
			close(e.half)
			<-ctx.Done()
			return clip, errors.Join(err, ctx.Err())
		}
		clip.Frames += 15
		if e.said != nil {
			fmt.Fprintln(e.said, "chunk")
		}
		err = chunk(append(box("moof", 500), box("mdat", 20_000)...))
	}
	return clip, err
}

func (e eye) Still(_ context.Context, dev string, at time.Time) ([]byte, device.Clip, error) {
	if !e.stop.IsZero() && at.After(e.stop) {
		return nil, device.Clip{}, device.ErrNoPicture
	}
	return append(box("moov", 10), append(box("moof", 10), box("mdat", 10)...)...), device.Clip{Codec: "avc1.64001f", Frames: 1, From: at, To: at}, nil
}

func (eye) Live(ctx context.Context, _ string, _ func([]byte) error) error {
	<-ctx.Done()
	return nil
}

// box of a gateway with one camera.
type station struct {
	*testing.T
	dir       string
	log       *outbox.Log
	announced atomic.Int32 // bundles
	eye       atomic.Pointer[eye]
	quota     int64
	more      []evidence.Camera // beside the one
}

func stand(t *testing.T) *station {
	s := &station{T: t, dir: t.TempDir(), quota: 64 << 20}
	s.eye.Store(&eye{})
	return s
}

// run is one life of the gateway: during works in it.
func (s *station) run(during func(*evidence.Collector)) {
	s.Helper()
	key, err := evidence.Key(s.dir)
	if err != nil {
		s.Fatal(err)
	}
	if s.log, err = outbox.Open(outbox.Config{Dir: filepath.Join(s.dir, "evidence"), Stream: wire.StreamEvidence, Quota: 8 << 20}); err != nil {
		s.Fatal(err)
	}
	defer s.log.Close() //nolint:errcheck // of a test
	c, err := evidence.New(evidence.Config{Dir: filepath.Join(s.dir, evidence.Dir), Key: key, Quota: s.quota, Keep: time.Hour, Gateway: "gw-1", Site: "jinxiu", ConfigHash: "c", RulesHash: func() string { return "r" },
		Cameras: append([]evidence.Camera{{ID: "cam-1", Name: "车棚", Zones: []string{"shed"}}}, s.more...),
		Find: func(string) (device.Camera, bool) {
			e := s.eye.Load()
			return e, e != nil
		},
		Zone: func(string) string { return "shed" }, Announce: func([]byte) { s.announced.Add(1) }, Stream: s.log, Now: time.Now, Clock: func() uint32 { return 2 }, Log: slog.New(slog.DiscardHandler),
		Readings: func(from, to time.Time) iter.Seq2[device.Reading, error] {
			return func(yield func(device.Reading, error) bool) {
				for at := from.Add(-time.Minute); at.Before(to.Add(time.Minute)); at = at.Add(10 * time.Second) {
					if !yield(device.Reading{Device: "A-03", Point: "power", Time: at, Value: 812.5}, nil) {
						return
					}
				}
			}
		}})
	if err != nil {
		s.Fatal(err)
	}
	ctx, stop := context.WithCancel(s.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	during(c)
	stop()
	if err := <-ended; err != nil {
		s.Fatal(err)
	}
}

func alert(id string) rules.AlertEvent {
	return rules.AlertEvent{Alert: id, Rule: "R03", Version: "v", Subject: "A-03", Zone: "shed", Severity: rules.SeverityB, State: rules.Firing, At: time.Now(), Title: rules.Text{ZH: "过充", EN: "Overcharge"}, Why: []rules.Text{{ZH: "功率", EN: "power"}},
		Evidence: []rules.Evidence{{Name: "power", Unit: "W", Value: 331, Quality: device.Good}, {Name: "capacity", Value: math.NaN()}}}
}

// over is the end of an alert.
func over(id string) rules.AlertEvent {
	e := alert(id)
	e.State = rules.Resolved
	return e
}

// verify reads a bundle as anybody can.
func (s *station) verify(b *evidence.Bundle) *format.Head {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, evidence.PublicFile))
	if err != nil {
		s.Fatal(err)
	}
	key, err := wire.DecodeKey(text)
	if err != nil {
		s.Fatal(err)
	}
	f, err := os.Open(evidence.Path(filepath.Join(s.dir, evidence.Dir), b))
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // of a test
	v, err := format.Verify(f, func(string) []ed25519.PublicKey { return []ed25519.PublicKey{key} })
	if err != nil || len(v.Faults) > 0 {
		s.Fatalf("%+v %v", v, err)
	}
	return v.Head
}

func (s *station) bundles() []*evidence.Bundle {
	s.Helper()
	all, err := evidence.List(filepath.Join(s.dir, evidence.Dir))
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// TestAnAlertLeavesABundle: with clip, three stills, the alert and ten minutes of readings; the next names it; both go up whole.
func TestAnAlertLeavesABundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		var heads []*format.Head
		s.run(func(c *evidence.Collector) {
			for _, id := range []string{"a-1", "a-2"} {
				c.Alert(alert(id))
				<-time.After(2 * time.Minute)
			}
			c.Alert(alert("a-1")) // told again
			quiet := alert("a-3")
			quiet.Severity = rules.SeverityC
			c.Alert(quiet)
			far := alert("a-4")
			far.Zone = "k1802"
			c.Alert(far)
			<-time.After(2 * time.Minute)
			s.figures(c)
			for _, b := range s.bundles() {
				heads = append(heads, s.verify(b))
			}
			s.rebuilt(heads)
		})
		if faults, missing := format.Chain(heads); len(heads) != 2 || s.announced.Load() != 2 || len(faults)+len(missing) > 0 {
			t.Fatal(len(heads), s.announced.Load(), faults, missing)
		}
		m := heads[0].Manifest
		names := []string{}
		for _, p := range m.Parts {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != "alert.json readings.csv clip-cam-1.mp4 still-cam-1-0s.mp4 still-cam-1-10s.mp4 still-cam-1-60s.mp4" || len(m.Missing) > 0 || m.Parts[2].Video.Frames != 450 {
			t.Fatalf("%s %+v", got, m)
		}
		text, err := os.ReadFile(evidence.Path(filepath.Join(s.dir, evidence.Dir), s.bundles()[0]))
		p, at, _ := heads[0].Find("readings.csv")
		if lines := bytes.Count(text[at:at+p.Size], []byte("\n")); err != nil || lines < 60 || lines > 62 {
			t.Fatalf("%d lines of readings, %v", lines, err)
		}
	})
}

// figures: two bundles wait, and the oldest for some minutes.
func (s *station) figures(c *evidence.Collector) {
	s.Helper()
	reg := prometheus.NewRegistry()
	c.Register(reg)
	families, err := reg.Gather()
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	if err != nil || got["linshao_evidence_waiting"] != 2 || got["linshao_evidence_bundles"] != 2 || got["linshao_evidence_refused"] != 0 || got["linshao_evidence_bytes"] < 1e6 || got["linshao_evidence_oldest_seconds"] != 360 {
		s.Fatal(got, err)
	}
}

// rebuilt puts the bundles together from the chunks of the stream, acknowledging as the cloud does.
func (s *station) rebuilt(heads []*format.Head) {
	s.Helper()
	whole := map[string][]byte{}
	for cum := uint64(0); ; {
		records, err := s.log.Read(cum+1, 1<<20)
		if err != nil {
			s.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			var c wire.Chunk
			if err := proto.Unmarshal(r.Payload, &c); err != nil || r.Type != wire.TypeChunk {
				s.Fatal(r.Type, err)
			}
			whole[string(c.GetBundle())] = append(whole[string(c.GetBundle())], c.GetData()...)
			cum = r.Seq
		}
		s.log.Ack(cum)
		<-time.After(10 * time.Second)
	}
	if len(whole) != len(heads) {
		s.Fatal(len(whole), "bundles came")
	}
	for _, b := range whole {
		h, err := format.ReadHead(bytes.NewReader(b))
		if err != nil || int64(len(b)) != h.Size {
			s.Fatal(len(b), err)
		}
	}
	for _, b := range s.bundles() {
		if !b.Sent {
			s.Fatalf("%+v", b)
		}
	}
}

// TestACutWhileWritingLeavesWhatPlays: the gateway ends in the midst of a clip; the next life seals what there is, cut back to a
// whole fragment, and says so.
func TestACutWhileWritingLeavesWhatPlays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		half := make(chan struct{})
		s.eye.Store(&eye{half: half})
		s.run(func(c *evidence.Collector) {
			c.Alert(alert("a-1"))
			<-half
		})
		if len(s.bundles()) > 0 {
			t.Fatal("it is sealed already")
		}
		s.run(func(*evidence.Collector) { <-time.After(time.Second) })
		h := s.verify(s.bundles()[0])
		p, _, ok := h.Find("clip-cam-1.mp4")
		if fragment := int64(508 + 20_008); !ok || p.Video.Interrupted == "" || (p.Size-124)%fragment != 0 || p.Size < 10*fragment {
			t.Fatalf("%+v", p)
		}
		if left, _ := os.ReadDir(filepath.Join(s.dir, evidence.Dir, "work")); len(left) > 0 || len(h.Manifest.Missing) == 0 {
			t.Fatal(left, h.Manifest.Missing)
		}
	})
}

// TestWhatIsMissingIsSaid: a camera without a connection, one that panics, one whose picture has gone.
func TestWhatIsMissingIsSaid(t *testing.T) {
	for name, e := range map[string]*eye{"away": nil, "mistake": {panic: true}, "gone": {stop: time.Date(2000, 1, 1, 0, 0, 5, 0, time.UTC)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stand(t)
				s.eye.Store(e)
				s.run(func(c *evidence.Collector) {
					c.Alert(alert("a-1"))
					<-time.After(2 * time.Minute)
				})
				if h := s.verify(s.bundles()[0]); len(h.Manifest.Missing) == 0 {
					t.Fatalf("%+v", h.Manifest.Missing)
				}
			})
		})
	}
}

// TestRoomIsBounded: what no open alert holds goes first; the chain goes on.
func TestRoomIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		s.quota = 1600 << 10 // four of them, whose clips end where a quarter of it is full
		s.run(func(c *evidence.Collector) {
			for i, id := range []string{"a-1", "a-2", "a-3", "a-4", "a-5"} {
				c.Alert(alert(id))
				<-time.After(70 * time.Second)
				if i > 0 {
					c.Alert(over(id))
					<-time.After(time.Second)
				}
			}
		})
		numbers := []uint64{}
		for _, b := range s.bundles() {
			numbers = append(numbers, b.Number)
		}
		if !slices.Equal(numbers, []uint64{1, 3, 4, 5}) {
			t.Fatal(numbers)
		}
	})
}

// TestWhatIsLostGoesUpAgain: a gap of the log brings a bundle back, a refusal does not.
func TestWhatIsLostGoesUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		s.run(func(c *evidence.Collector) {
			c.Alert(alert("a-1"))
			<-time.After(2 * time.Minute)
			epoch, _, next := s.log.State()
			s.log.Ack(next - 2) // all but the last are there, and one of them is lost
			c.Lost(epoch, 3, 3, false)
			<-time.After(10 * time.Second)
			if _, _, again := s.log.State(); again-next != next-1 {
				t.Fatal(next, again)
			}
			c.Lost(epoch, next, next, true)
			<-time.After(10 * time.Second)
			if b := s.bundles()[0]; !b.Refused || b.Sent {
				t.Fatalf("%+v", b)
			}
		})
	})
}
