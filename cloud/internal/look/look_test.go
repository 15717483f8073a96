package look_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/look"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

const mono = 1_000_000 // ms, of the gateways' clocks

// street is a database with two gateways and the processes that share it.
type street struct {
	*testing.T
	db  *db.DB
	key ed25519.PrivateKey

	mu   sync.Mutex
	now  time.Time
	told chan *wire.Look
}

func open(t *testing.T, place *dbtest.Place) *street {
	s := &street{T: t, db: place.Open(t), now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), told: make(chan *wire.Look, 1000), key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))}
	for i, gateway := range []string{"gw-1", "gw-2", "gw-3"} {
		err := s.db.Update(t.Context(), func(tx *sql.Tx) error {
			hello := &wire.Hello{Gateway: gateway, Session: uint64(i) + 1, Boot: 7}
			if err := org.Connect(t.Context(), tx, hello, s.now); err != nil {
				return err
			}
			if i < 2 {
				if _, err := org.Seen(t.Context(), tx, gateway, s.now); err != nil {
					return err
				}
			}
			return org.Apply(t.Context(), tx, gateway, &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", ConfigHash: "a", Devices: []*wire.Device{
				{Id: "cam-1", Name: "车棚", Kind: "camera", Model: "c"}, {Id: "socket-3", Name: "3 号插座", Kind: "socket", Model: "c"}}, Models: []*wire.Model{{Name: "c"}}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// process is one of the cloud's; mine are its gateways, of whose clocks it knows.
func (s *street) process(shared bool, mine ...string) *look.Service {
	return look.New(look.Config{DB: s.db, Key: s.key, Shared: shared, Watch: func(string) {}, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Clock: func(gateway string, session uint64) (uint64, uint32, bool) {
			return mono, 7, session > 0 && slices.Contains(mine, gateway)
		},
		Publish: func(gateway string, payload []byte) {
			public, _ := s.key.Public().(ed25519.PublicKey)
			d, err := wire.Open(public, gateway, payload)
			if err != nil || d.GetLook() == nil {
				s.Error("not a look that the gateway can take: ", err)
				return
			}
			s.told <- d.GetLook()
		},
		Now: func() time.Time {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.now
		}})
}

func (s *street) later(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// begin opens a look and answers its id, or the code of the refusal.
func (s *street) begin(p *look.Service, gateway, device, who string) (id, code string) {
	s.Helper()
	l, err := p.Begin(s.Context(), look.Wish{Gateway: gateway, Device: device, Who: who, Reason: "看有没有烟"})
	if r, ok := errors.AsType[*look.Refusal](err); ok && r.Text.ZH != "" && r.Text.EN != "" {
		return "", r.Code
	}
	if err != nil {
		s.Fatal(err)
	}
	return l.ID, ""
}

func may(context.Context) error { return nil }

// watch takes what comes as fast as it does, until the look ends; why comes on the channel.
func (s *street) watch(ctx context.Context, p *look.Service, v look.Viewer, write func(context.Context, []byte) error) <-chan string {
	done := make(chan string, 1)
	go func() {
		why, err := p.Watch(ctx, v, write)
		if err != nil {
			why = err.Error()
		}
		done <- why
	}()
	return done
}

// acts are the lines of the audit about cameras, oldest first.
func (s *street) acts() []string { return s.actsLike("camera.%") }

func (s *street) actsLike(what string) (all []string) {
	s.Helper()
	rows, err := s.db.Reader().QueryContext(s.Context(), `SELECT act, who, about, detail FROM audit WHERE act LIKE ? ORDER BY seq`, what)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var act, who, about, detail string
		if err := rows.Scan(&act, &who, &about, &detail); err != nil {
			s.Fatal(err)
		}
		_, why, _ := strings.Cut(detail, `"why":"`)
		why, _, _ = strings.Cut(why, `"`)
		all = append(all, strings.TrimSpace(strings.Join([]string{act, who, why}, " ")))
	}
	return all
}

func (s *street) by(who string) context.Context {
	return audit.By(s.Context(), audit.Person{Name: who, Role: "street"})
}

// TestWhoMayLook: one at a time at a gateway and for a person, whichever process is asked; only cameras of gateways that are there;
// only who opened it, once; not all the time. Everything is in the audit, but not every try of one who goes on trying.
func TestWhoMayLook(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		s := open(t, place)
		one, two := s.process(true, "gw-1", "gw-2"), s.process(true)
		id, code := s.begin(one, "gw-1", "cam-1", "陈敏")
		if id == "" {
			t.Fatal(code)
		}
		for _, x := range []struct {
			p                         *look.Service
			gateway, device, who, why string
		}{{one, "gw-1", "cam-1", "李伟", "busy"}, {two, "gw-1", "cam-1", "李伟", "busy"}, {two, "gw-2", "cam-1", "陈敏", "busy"}, {two, "gw-2", "socket-3", "李伟", "no_camera"}, {one, "gw-3", "cam-1", "李伟", "offline"}} {
			if id, code := s.begin(x.p, x.gateway, x.device, x.who); id != "" || code != x.why {
				t.Errorf("%+v: %q %q", x, id, code)
			}
		}
		if _, err := one.Begin(t.Context(), look.Wish{Gateway: "gw-1", Device: "none", Who: "陈敏"}); !errors.Is(err, org.ErrUnknown) {
			t.Error(err)
		}
		mine := look.Viewer{Gateway: "gw-1", Device: "cam-1", Look: id, Who: "陈敏", May: may}
		for name, not := range map[string]func(*look.Viewer){"who": func(v *look.Viewer) { v.Who = "李伟" }, "gateway": func(v *look.Viewer) { v.Gateway = "gw-2" }, "device": func(v *look.Viewer) { v.Device = "socket-3" }} {
			other := mine
			not(&other)
			if _, err := two.Watch(t.Context(), other, nil); !errors.Is(err, look.ErrUnknown) {
				t.Errorf("with another %s it is %v", name, err)
			}
		}
		ctx, leave := context.WithCancel(s.by("陈敏"))
		done := s.watch(ctx, one, mine, func(context.Context, []byte) error { return nil })
		if l := <-s.told; l.GetUntilMs() != mono+59_000 || l.GetBoot() != 7 || l.GetSession() != 1 || l.GetWho() != "陈敏" || l.GetReason() != "看有没有烟" || l.GetOver() {
			t.Errorf("the gateway is told %v", l)
		}
		if _, err := two.Watch(t.Context(), mine, nil); !errors.Is(err, look.ErrUnknown) {
			t.Error("it is shown twice: ", err)
		}
		leave()
		if why := <-done; why != "left" {
			t.Error(why)
		}
		if l := <-s.told; !l.GetOver() {
			t.Error("the gateway is not told that nobody looks")
		}
		if _, code := s.begin(two, "gw-1", "cam-1", "陈敏"); code != "rate" {
			t.Error("at once again: ", code)
		}
		got, want := fmt.Sprint(s.acts()), "[camera.look camera.refused  busy camera.refused  busy camera.refused  busy camera.refused  no_camera camera.refused  offline camera.end 陈敏 left camera.refused  rate]"
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("the audit has %s", got)
		}
		before := len(s.acts())
		for range 5 {
			s.begin(one, "gw-1", "cam-1", "陈敏")
		}
		if n := len(s.acts()); n != before {
			t.Errorf("%d lines of one who goes on trying", n-before)
		}
	})
}

// TestAnHourHasSoManyLooks, and what nobody comes for is ended and said.
func TestAnHourHasSoManyLooks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		s := open(t, place)
		p := s.process(false, "gw-1", "gw-2")
		opened := 0
		for ; opened < 40; opened++ {
			if _, code := s.begin(p, "gw-1", "cam-1", "陈敏"); code != "" {
				break
			}
			s.later(30 * time.Second)
			if err := p.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, code := s.begin(p, "gw-2", "cam-1", "陈敏"); opened != 30 || code != "rate" {
			t.Errorf("%d looks of one person, then %q", opened, code)
		}
		if _, code := s.begin(p, "gw-1", "cam-1", "李伟"); code != "rate" {
			t.Errorf("at the gateway: %q", code)
		}
		if acts := s.acts(); acts[1] != "camera.end 陈敏 unclaimed" {
			t.Error(acts[1])
		}
		s.later(time.Hour)
		if _, code := s.begin(p, "gw-1", "cam-1", "陈敏"); code != "" {
			t.Error("an hour later: ", code)
		}
		s.later(3 * time.Hour)
		if err := errors.Join(p.Sweep(t.Context()), p.Sweep(t.Context())); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := s.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM looks`).Scan(&left); err != nil || left > 0 {
			t.Error(left, err)
		}
	})
}

// TestAnotherProcessShows: the process that the browser has reached shows the camera, though another one has the gateway: that one
// says how the gateway's clock stands, and the pictures come to the first.
func TestAnotherProcessShows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		s := open(t, place)
		owner, shower := s.process(true, "gw-1"), s.process(true)
		id, _ := s.begin(owner, "gw-1", "cam-1", "陈敏")
		got := make(chan string, 10)
		done := s.watch(t.Context(), shower, look.Viewer{Gateway: "gw-1", Device: "cam-1", Look: id, Who: "陈敏", May: may}, func(_ context.Context, b []byte) error {
			got <- string(b)
			return nil
		})
		told := s.sharing(owner)
		if told.GetUntilMs() != mono+59_000 || told.GetBoot() != 7 {
			t.Errorf("the gateway is told %v", told)
		}
		if watched, _ := owner.Watched(); len(watched) > 0 {
			t.Error("the owner takes pictures of ", watched)
		}
		if watched, _ := shower.Watched(); len(watched) != 1 || watched[0] != "gw-1" {
			t.Error("who shows takes pictures of ", watched)
		}
		for n, data := range []string{"begins", "more"} {
			for _, p := range []*look.Service{owner, shower} {
				p.Take("gw-2", &wire.Glimpse{Session: 1, Look: id, Number: uint32(n) + 1, Data: []byte("foreign"), Begins: n == 0, Last: true})
				p.Take("gw-1", &wire.Glimpse{Session: 9, Look: id, Number: uint32(n) + 1, Data: []byte("old"), Begins: n == 0, Last: true})
				p.Take("gw-1", &wire.Glimpse{Session: 1, Look: id, Number: uint32(n) + 1, Data: []byte(data), Begins: n == 0, Last: true})
			}
			if b := <-got; b != data {
				t.Errorf("%q instead of %q", b, data)
			}
		}
		shower.Take("gw-1", &wire.Glimpse{Session: 1, Look: id, Number: 3, Over: true, Why: "time"})
		if why := <-done; why != "time" || len(got) > 0 {
			t.Error(why, len(got))
		}
		if watched, _ := shower.Watched(); len(watched) > 0 {
			t.Error("it still takes pictures of ", watched)
		}
	})
}

// sharing lets the owner say what it knows until the gateway is told.
func (s *street) sharing(owner *look.Service) *wire.Look {
	s.Helper()
	tick, limit := time.NewTicker(20*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		select {
		case l := <-s.told:
			return l
		case <-tick.C:
			if err := owner.Share(s.Context()); err != nil {
				s.Fatal(err)
			}
		case <-limit:
			s.Fatal("the gateway is not told")
		}
	}
}

// TestARightThatIsWithdrawn ends the look within seconds, also of a browser that takes nothing, and the gateway is told.
func TestARightThatIsWithdrawn(t *testing.T) {
	s := open(t, dbtest.SQLite(t))
	p := s.process(false, "gw-1")
	id, _ := s.begin(p, "gw-1", "cam-1", "陈敏")
	began := time.Now()
	gone := errors.New("the role is gone")
	writing := make(chan struct{})
	done := s.watch(s.by("陈敏"), p, look.Viewer{Gateway: "gw-1", Device: "cam-1", Look: id, Who: "陈敏", May: func(context.Context) error { return gone }}, func(ctx context.Context, _ []byte) error {
		close(writing)
		<-ctx.Done()
		return ctx.Err()
	})
	<-s.told
	p.Take("gw-1", &wire.Glimpse{Session: 1, Look: id, Number: 1, Data: []byte("x"), Begins: true, Last: true})
	<-writing
	if why := <-done; why != "withdrawn" || time.Since(began) > 5*time.Second {
		t.Errorf("%s after %v", why, time.Since(began))
	}
	if l := <-s.told; !l.GetOver() {
		t.Error("the gateway is not told")
	}
	if acts := s.acts(); acts[len(acts)-1] != "camera.end 陈敏 withdrawn" {
		t.Error(acts)
	}
}
