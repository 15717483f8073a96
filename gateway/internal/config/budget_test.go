package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/config"
)

// crowded is a site whose meters share a line at 2400 baud.
func crowded(meters int, poll string) string {
	var b strings.Builder
	b.WriteString("site: {id: jinxiu}\ngateway: gw-0142\nprofiles: profiles\nstatus: {listen: 127.0.0.1:8080}\nchannels:\n  - id: rs485-1\n    driver: dlt645\n    address: ttyS1\n    devices:\n")
	for i := range meters {
		fmt.Fprintf(&b, "      - {id: m-%d, profile: meter, address: \"%012d\", poll: %s}\n", i, i, poll)
	}
	return b.String()
}

// What a line cannot carry is refused where somebody asks, with the place, the numbers and what would fit.
func TestImpossiblePlanIsRefused(t *testing.T) {
	file := write(t, crowded(10, "1s"))
	r := config.Check(file, config.Chinese)
	if r.Site != nil || len(r.Problems.Fatal()) != 1 {
		t.Fatalf("accepted: %v", r.Problems)
	}
	p := r.Problems.Fatal()[0]
	if p.Line != 6 || !strings.HasPrefix(p.Message, "总线 rs485-1 排不下：10 台，每 1s 一轮，一轮要 ") || !strings.Contains(p.Hint, "把 poll 改成 ≥ ") || !strings.Contains(p.Hint, "分成 ") {
		t.Errorf("got line %d: %s — %s", p.Line, p.Message, p.Hint)
	}
	p = config.Check(file, config.English).Problems.Fatal()[0]
	if !strings.HasPrefix(p.Message, "channel rs485-1 cannot carry its devices: 10 devices, one round each 1s, and a round takes ") {
		t.Errorf("got %s", p.Message)
	}
	// What would fit is accepted without a word.
	site, _ := config.Load(file, config.English)
	fit := site.Channels[0].Fit(site.Channels[0].Plan())
	if r := config.Check(write(t, crowded(10, fit.Poll.String())), config.English); r.Site == nil || len(r.Problems) > 0 {
		t.Errorf("poll %v does not fit: %v", fit.Poll, r.Problems)
	}
	faster := strings.Replace(crowded(10, "1s"), "    address: ttyS1\n", fmt.Sprintf("    address: ttyS1\n    baud: %d\n", max(300, fit.Baud)), 1)
	if r := config.Check(write(t, faster), config.English); fit.Baud != 0 && len(r.Problems) > 0 {
		t.Errorf("%d baud do not fit: %v", fit.Baud, r.Problems)
	}
}

// What ran yesterday runs tomorrow, what is read once is read, and rules are taken up: with a warning.
func TestImpossiblePlanStartsAllTheSame(t *testing.T) {
	file := write(t, crowded(10, "1s"))
	for name, load := range map[string]func() (*config.Site, int){
		"start": func() (*config.Site, int) { s, p := config.LoadForStart(file, config.English); return s, len(p) },
		"rules": func() (*config.Site, int) { s, p := config.LoadRules(file, config.English); return s, len(p) },
		"read":  func() (*config.Site, int) { s, p := config.Load(file, config.English); return s, len(p) },
	} {
		if site, warnings := load(); site == nil || warnings != 1 {
			t.Errorf("%s: refused, or %d warnings", name, warnings)
		}
	}
}

func TestTightPlanIsWarnedOf(t *testing.T) {
	seen := map[[2]bool]bool{}
	for _, n := range []int{5, 6, 7, 9} {
		file := write(t, crowded(n, "2s"))
		site, _ := config.Load(file, config.English)
		p := site.Channels[0].Plan()
		r := config.Check(file, config.English)
		if (p.Utilisation > 1) != (r.Site == nil) || (p.Utilisation > 0.8) != (len(r.Problems) > 0) {
			t.Errorf("%d meters use %.2f: %v", n, p.Utilisation, r.Problems)
		}
		seen[[2]bool{p.Tight(), p.Impossible()}] = true
	}
	if len(seen) != 3 {
		t.Errorf("not all of room, hardly any and none were tried: %v", seen)
	}
}

// A device that makes a line too full is not taken up by a fragment; one that takes another's place, or goes, is.
func TestFragmentThatOverloadsIsRefused(t *testing.T) {
	meter := func(n int) []byte {
		return fmt.Appendf(nil, "channel: rs485-1\ndevices:\n  - {id: n-%d, profile: meter, address: \"9%011d\", poll: 1s}\n", n, n)
	}
	file := write(t, crowded(1, "10s"))
	fragments := map[string][]byte{"0.yaml": meter(0)}
	if site, problems := config.LoadWith(file, config.English, fragments); site == nil {
		t.Errorf("the first: %v", problems)
	}
	for n := range 10 {
		fragments[fmt.Sprintf("%d.yaml", n)] = meter(n)
	}
	if site, problems := config.LoadWith(file, config.English, fragments); site != nil || !strings.Contains(problems.Fatal()[0].Message, "cannot carry") {
		t.Errorf("ten of them: %v", problems)
	}
}

func TestFullLineMayBeMended(t *testing.T) {
	file := write(t, crowded(10, "1s"))
	swap := map[string][]byte{"m.yaml": []byte("channel: rs485-1\nreplaces: [m-1]\ndevices:\n  - {id: m-1, profile: meter, address: \"900000000001\", poll: 1s}\n")}
	if site, problems := config.LoadWith(file, config.English, swap); site == nil {
		t.Errorf("a swapped meter: %v", problems)
	}
	if site, problems := config.LoadWith(file, config.English, map[string][]byte{"gone.yaml": nil}); site == nil {
		t.Errorf("a device less: %v", problems)
	}
}

func TestTurnaround(t *testing.T) {
	plain := crowded(1, "10s")
	site, problems := config.Load(write(t, strings.Replace(plain, "    address: ttyS1\n", "    address: ttyS1\n    turnaround: 150ms\n", 1)), config.English)
	if site == nil || site.Channels[0].Turnaround != 150*time.Millisecond {
		t.Fatalf("got %+v %v", site, problems)
	}
	usual, _ := config.Load(write(t, plain), config.English)
	requests := time.Duration(len(usual.Channels[0].Plan().Units[0].Requests))
	if got := site.Channels[0].Plan().Cycle - usual.Channels[0].Plan().Cycle; got != requests*100*time.Millisecond {
		t.Errorf("%d requests take %v more", requests, got)
	}
	r := config.Check(write(t, strings.Replace(plain, "    address: ttyS1\n", "    address: ttyS1\n    turnaround: 1h\n", 1)), config.English)
	if r.Site != nil || r.Problems.Fatal()[0].Line != 9 {
		t.Errorf("an hour: %v", r.Problems)
	}
}

// Card readers must be polled at least every four seconds: a longer interval is no advice.
func TestAdviceKeepsToTheProtocol(t *testing.T) {
	var b strings.Builder
	b.WriteString("site: {id: jinxiu}\ngateway: gw-0142\nstatus: {listen: 127.0.0.1:8080}\nchannels:\n  - id: doors\n    driver: osdp\n    address: ttyS1\n    baud: 1200\n    devices:\n")
	for i := range 60 {
		fmt.Fprintf(&b, "      - {id: r-%d, profile: osdp-reader, address: \"%d\"}\n", i, i)
	}
	site, problems := config.Load(write(t, b.String()), config.English)
	if site == nil {
		t.Fatal(problems)
	}
	p := site.Channels[0].Plan()
	if f := site.Channels[0].Fit(p); !p.Impossible() || f.Poll != 0 || f.Lines < 2 {
		t.Errorf("used %.1f: %+v", p.Utilisation, f)
	}
}

// A device that is read more often than its own pause allows is refused, however free the line is; a slower one costs the line nothing.
func TestAHurriedDeviceIsRefused(t *testing.T) {
	site := func(poll string) string {
		return strings.NewReplacer("driver: dlt645", "driver: modbus-rtu", "profile: meter", "profile: io-valve", `"000000000000"`, `"8"`, `"000000000001"`, `"9"`).Replace(crowded(2, poll))
	}
	file := write(t, site("1s"))
	profile := filepath.Join(filepath.Dir(file), "profiles", "io-valve.yaml")
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(profile, append([]byte("pause: 2s\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	fatal := config.Check(file, config.Chinese).Problems.Fatal()
	if len(fatal) != 1 || fatal[0].Message != "总线 rs485-1 读得太勤：m-0 每 1s 一次，而它每次应答后要停 2s（这样的有 2 台）" || fatal[0].Hint != "把 poll 改成 ≥ 2.5s" {
		t.Fatalf("got %v", fatal)
	}
	if site, problems := config.LoadForStart(file, config.English); site == nil || site.Channels[0].Plan().Tight() {
		t.Errorf("at a start: %v", problems)
	}
	if err := os.WriteFile(file, []byte(site("2500ms")), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := config.Check(file, config.English); len(r.Problems.Fatal()) > 0 {
		t.Errorf("what was advised: %v", r.Problems)
	}
}
