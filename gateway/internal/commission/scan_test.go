package commission_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sim "github.com/linshao/linshao/firmware-sim/app"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// field plays the lines of configs/demo/bus.yaml and loads the gateway that is to be commissioned on them.
func field(t *testing.T) *config.Site {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"bus.yaml", "bus-gateway.yaml"} {
		data, err := os.ReadFile(filepath.Join("../../../configs/demo", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	play, err := sim.NewPlay(sim.PlayConfig{Scenario: filepath.Join(dir, "bus.yaml"), Dir: filepath.Join(dir, "bus"), T0: time.Now(), Lang: "en", Out: io.Discard, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- play.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	site, problems := config.Load(filepath.Join(dir, "bus-gateway.yaml"), config.English)
	if site == nil {
		t.Fatal(problems)
	}
	return site
}

func service(t *testing.T, site *config.Site) *commission.Service {
	t.Helper()
	s, err := commission.New(commission.Config{Site: site, Lang: config.English})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ranges(t *testing.T, text string) commission.Ranges {
	t.Helper()
	r, err := commission.ParseRanges(text, 1, 247)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func at(t *testing.T, r commission.Report, address string) commission.Found {
	t.Helper()
	i := slices.IndexFunc(r.Found, func(f commission.Found) bool { return f.Address == address })
	if i < 0 {
		t.Fatalf("%s was not found among %+v", address, r.Found)
	}
	return r.Found[i]
}

func hinted(hints []commission.Hint, code string) bool {
	return slices.ContainsFunc(hints, func(h commission.Hint) bool { return h.Code == code })
}

// patient is a time-out for a busy machine.
const patient = 250

// TestALineAsItIsFound: a configured meter, a new one, one that nobody knows, two at one address, and one without power.
func TestALineAsItIsFound(t *testing.T) {
	t.Parallel()
	s := service(t, field(t))
	var kinds []string
	r, err := s.Scan(t.Context(), commission.ScanRequest{Channel: "rs485-1", Addresses: ranges(t, "1-2,7,12,15"), TimeoutMS: patient,
		Settings: []commission.Setting{{Baud: 9600, Parity: "even", StopBits: 1}}}, func(p commission.Progress) { kinds = append(kinds, p.Kind) })
	if err != nil {
		t.Fatal(err)
	}
	if old := at(t, r, "1"); !slices.Equal(old.Configured, []string{"meter-1"}) || old.Candidates[0].Model != "eastron-sdm630" || len(old.Candidates) != 1 {
		t.Errorf("the configured meter is %+v", old)
	}
	if fresh := at(t, r, "2"); fresh.Configured != nil || fresh.Candidates[0].Model != "eastron-sdm630" || len(fresh.Candidates) < 2 ||
		fresh.Candidates[0].Confidence > 0.95 || len(fresh.Trial) == 0 {
		t.Errorf("the new meter is %+v", fresh)
	}
	if odd := at(t, r, "12"); len(odd.Candidates) != 0 || odd.Readable != "4x0001–4x0016" {
		t.Errorf("the unknown device is %+v", odd)
	}
	if twins := at(t, r, "15"); twins.State != commission.StateDuplicate || !hinted(twins.Hints, commission.HintDuplicate) || twins.Damaged != 3 {
		t.Errorf("the two at one address are %+v", twins)
	}
	if !hinted(r.Hints, commission.HintMissing) || len(r.Found) != 4 {
		t.Errorf("found %d, hints %+v", len(r.Found), r.Hints)
	}
	if kinds[0] != commission.Planned || slices.Index(kinds, commission.Answered) > slices.Index(kinds, commission.Known) {
		t.Errorf("progress was %v", kinds)
	}
	emitted := string(commission.Emit(r, config.English))
	if strings.Contains(emitted, `"1"`) || !strings.Contains(emitted, `# - {id: meter-2, profile: eastron-sdm630, address: "2"}`) || strings.Contains(emitted, `"15"`) {
		t.Errorf("the fragment is\n%s", emitted)
	}
}

// TestSettingsAreTried: a meter that speaks another speed than the file says, and one of another protocol.
func TestSettingsAreTried(t *testing.T) {
	t.Parallel()
	s := service(t, field(t))
	r, err := s.Scan(t.Context(), commission.ScanRequest{Channel: "rs485-2", Addresses: ranges(t, "3"), TimeoutMS: patient, Bare: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := at(t, r, "3"); f.Setting.Baud != 4800 {
		t.Errorf("the meter was found at %v", f.Setting)
	}
	if f := at(t, r, "000000012345"); f.Protocol != "dlt645" || f.Setting != (commission.Setting{Baud: 2400, Parity: "even", StopBits: 1}) {
		t.Errorf("the meter of the other protocol is %+v", f)
	}
	if slices.ContainsFunc(r.Settings, func(o commission.Outcome) bool {
		return o.Setting == commission.Setting{Baud: 19200, Parity: "none", StopBits: 1}
	}) {
		t.Error("the scan did not stop at the setting at which a device answered")
	}
}

// TestABadLine: an adapter that echoes, and a meter of which only short answers arrive.
func TestABadLine(t *testing.T) {
	t.Parallel()
	s := service(t, field(t))
	r, err := s.Scan(t.Context(), commission.ScanRequest{Channel: "rs485-3", Addresses: ranges(t, "9"), TimeoutMS: patient}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := at(t, r, "9"); !hinted(f.Hints, commission.HintFarEnd) || len(f.Candidates) == 0 {
		t.Errorf("the far meter is %+v", f)
	}
	if !hinted(r.Hints, commission.HintEcho) {
		t.Errorf("hints are %+v", r.Hints)
	}
}

// TestNobodyAnswers, and a caller who wants no more.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := service(t, field(t))
	req := commission.ScanRequest{Channel: "rs485-4", Addresses: ranges(t, "1-3"), TimeoutMS: 20}
	r, err := s.Scan(t.Context(), req, nil)
	if err != nil || len(r.Found) != 0 || !hinted(r.Hints, commission.HintSilent) {
		t.Errorf("%v %+v", err, r)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	asked := 0
	r, err = s.Scan(ctx, req, func(p commission.Progress) {
		if p.Kind == commission.Tried {
			asked++
			stop()
		}
	})
	if err != nil || !r.Stopped || asked != 1 || hinted(r.Hints, commission.HintSilent) {
		t.Errorf("after %d questions: %v %+v", asked, err, r)
	}
	if _, err := s.Scan(t.Context(), commission.ScanRequest{Channel: "rs485-9"}, nil); err == nil || !strings.Contains(err.Error(), "did you mean") {
		t.Errorf("an unknown channel: %v", err)
	}
}
