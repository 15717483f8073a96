package app_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/pushed"
)

// push is a message of the cloud, by file name and text in turn.
func push(t *testing.T, revision uint64, files ...string) *wire.Config {
	t.Helper()
	parts := &wire.Parts{}
	for i := 0; i < len(files); i += 2 {
		parts.Parts = append(parts.Parts, &wire.Part{Name: files[i], Data: []byte(files[i+1])})
	}
	text, err := proto.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return &wire.Config{Revision: revision, Site: "test", Parts: z.EncodeAll(text, nil), WatchS: 60}
}

func openPushed(t *testing.T) *shop {
	k := &kitchen{open: true}
	return openShopWith(t, k, func(cfg *app.Config, file string) {
		cfg.Load = func() (*config.Site, configs.Problems) { return config.LoadRules(file, config.English) }
		cfg.Check = func(set *pushed.Set, lang config.Language) (*config.Site, configs.Problems) {
			return config.CheckPushed(file, lang, set)
		}
	})
}

// now checks what became of a revision.
func (s *shop) pushed(revision uint64, state string, inForce uint64, words ...string) {
	s.t.Helper()
	v, now := s.present.PushedState()
	text := v.Why.EN
	for _, m := range v.Mistakes {
		text += "\n" + configs.Problem{File: m.File, Line: m.Line, Col: m.Col, Message: m.Text.EN}.Error()
		if m.Text.ZH == "" {
			s.t.Error("a mistake without words")
		}
	}
	if v.Revision != revision || v.State != state || now != inForce {
		s.t.Fatalf("revision %d is %s (%s), in force %d; want %d %s, %d", v.Revision, v.State, text, now, revision, state, inForce)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			s.t.Errorf("%q lacks %q", text, w)
		}
	}
}

// reads waits until both devices of the kitchen answer.
func (s *shop) reads() {
	s.t.Helper()
	eventually(s.t, "the rules run and devices answer", func() bool { return s.present.Answering() == 2 })
}

const exchanged = "channel: tcp\nreplaces: [gas-1]\ndevices:\n  - {id: gas-1, profile: gas, address: \"77\", zone: k}\n"

// TestTheCloudPushesConfiguration: what is wrong is refused with its place, rules are taken up at once, devices by a restart within
// the process, and what makes the gateway worse is taken back.
func TestTheCloudPushesConfiguration(t *testing.T) {
	s := openPushed(t)
	ctx, soon := t.Context(), time.Now()
	s.reads()
	s.present.Configure(ctx, push(t, 1, "overrides.yaml", "R16:\n  mode: loud\n", "devices.d/x.yaml", "channel: tpc\ndevices: []\n"))
	s.pushed(1, "refused", 0, "overrides.yaml:2:9: R16: ", `devices.d/x.yaml:1:10: there is no channel "tpc"`)
	s.present.Configure(ctx, push(t, 2, "../gateway.yaml", "x"))
	s.pushed(2, "refused", 0, "nothing that can be pushed")
	s.present.Configure(ctx, push(t, 3, "devices.d/x.yaml", "channel: tcp\ndevices:\n  - {id: v-9, profile: valve, address: \"9\", password_file: ../../etc/shadow}\n"))
	s.pushed(3, "refused", 0, "files beside gateway.yaml")

	s.present.Configure(ctx, push(t, 4, "overrides.yaml", "R16: {mode: notify-only}\n"))
	s.pushed(4, "trial", 4)
	s.present.Configure(ctx, push(t, 3, "overrides.yaml", "R16: {mode: shadow}\n")) // an old one, played again
	s.pushed(4, "trial", 4)
	s.present.LookConfig(ctx, soon)
	s.present.LookConfig(ctx, soon.Add(59*time.Second))
	s.pushed(4, "trial", 4)
	s.present.LookConfig(ctx, soon.Add(2*time.Minute))
	s.pushed(4, "applied", 4)

	s.present.Configure(ctx, push(t, 5, "overrides.yaml", "R16: {mode: notify-only}\n", "devices.d/x.yaml", exchanged))
	s.present = <-s.builds
	s.pushed(5, "trial", 5)
	eventually(t, "the valve answers, the detector was asked and is silent", func() bool { return s.present.Answering() == 1 && s.present.Silent() == 1 })
	s.present.LookConfig(ctx, soon)
	s.present.LookConfig(ctx, soon.Add(30*time.Second))
	s.pushed(5, "trial", 5)
	s.present.LookConfig(ctx, soon.Add(70*time.Second))
	s.present.LookConfig(ctx, soon.Add(140*time.Second))
	s.present = <-s.builds
	s.pushed(5, "reverted", 4, "devices that answered before do not any more: gas-1")
	s.reads()
	s.stop()
	got := strings.Join(configStates(t, s.dir), " ")
	if want := "1 refused/0 2 refused/0 3 refused/0 4 trial/4 3 refused/4 4 applied/4 5 trial/5 5 reverted/4"; got != want {
		t.Errorf("told\n%s, want\n%s", got, want)
	}
}

// TestAKillLeavesOldOrNew: whatever the moment, the next start finds one of the two and goes on; a gateway that dies again and
// again on trial takes it back.
func TestAKillLeavesOldOrNew(t *testing.T) {
	dir := t.TempDir()
	file := site(t, dir, "127.0.0.1:1").File
	data := config.DataOf(file)
	set := func(revision uint64, mode string) *pushed.Set {
		return &pushed.Set{Revision: revision, Parts: []pushed.Part{{Name: "overrides.yaml", Data: []byte("R16: {mode: " + mode + "}\n")}}}
	}
	now := time.Now()
	old := pushed.Kept{Newest: 1, Current: set(1, "shadow")}
	if err := old.Save(data, now); err == nil {
		t.Fatal("saved without a folder")
	}
	mkdir(t, data)
	for _, k := range []pushed.Kept{old, old.Begin(set(2, "notify-only"), pushed.Before{WatchS: 60})} {
		if err := k.Save(data, now); err != nil {
			t.Fatal(err)
		}
		s, problems := config.LoadForStart(file, config.English)
		want := map[uint64]string{1: "shadow", 2: "notify-only"}[k.Newest]
		if s == nil || s.Pushed != k.Newest || string(s.Overrides["R16"].Mode) != want {
			t.Fatal(s, problems)
		}
	}
	for range 4 {
		if err := pushed.Start(data, now); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := config.LoadForStart(file, config.English)
	if k, err := pushed.Load(data); err != nil || k.Trial != nil || k.Last.State != "reverted" || k.Last.Why.ZH == "" || s.Pushed != 1 || s.Overrides["R16"].Mode != "shadow" {
		t.Error(k, err, s.Overrides)
	}
	// What does not fit the site any more is left out, and the gateway starts.
	bad := pushed.Kept{Newest: 3, Current: &pushed.Set{Revision: 3, Parts: []pushed.Part{{Name: "overrides.yaml", Data: []byte("R99: {mode: shadow}\n")}}}}
	if err := bad.Save(data, now); err != nil {
		t.Fatal(err)
	}
	if s, problems := config.LoadForStart(file, config.English); s == nil || s.Pushed != 0 || s.Unpushed == nil {
		t.Error(s, problems)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// configStates are the answers to what the cloud pushed, with what was in force.
func configStates(t *testing.T, dir string) (all []string) {
	t.Helper()
	for _, r := range records(t, dir, wire.StreamEvents) {
		var e wire.Event
		if err := proto.Unmarshal(r.Payload, &e); err != nil {
			t.Fatal(err)
		}
		if c := e.GetConfig(); c != nil {
			all = append(all, fmt.Sprintf("%d %s/%d", c.GetRevision(), c.GetState(), c.GetInForce()))
		}
	}
	return all
}
