package commission_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

func named(f commission.Found) (names []string) {
	for _, c := range f.Candidates {
		names = append(names, c.Model+" "+strconv.FormatFloat(c.Confidence, 'f', 2, 64))
	}
	return names
}

// TestALostFrameRulesOutNoModel: whichever of the answers is lost, the meter stays what it is.
func TestALostFrameRulesOutNoModel(t *testing.T) {
	t.Parallel()
	find := func(t *testing.T, lost int) []string {
		meter := unit(1, sdm630())
		hear, n := meter.Answer, 0
		meter.Answer = func(request []byte) []byte {
			answer := hear(request)
			if answer == nil {
				return nil
			}
			if n++; n == lost {
				return nil
			}
			return answer
		}
		r := scanned(t, slaves(meter), "modbus", commission.ScanRequest{Addresses: commission.Ranges{{First: 1, Last: 1}}})
		return named(at(t, r, "1"))
	}
	want := find(t, 0)
	if len(want) == 0 {
		t.Fatal("the meter was not identified")
	}
	for _, lost := range []int{1, 2, 5, 14, 30} { // of 35
		t.Run(strconv.Itoa(lost), func(t *testing.T) {
			t.Parallel()
			if got := find(t, lost); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// chance is a line with one Modbus device whose every point holds what chance says.
type chance struct {
	rnd  *rand.Rand
	mood int             // of the device
	fits map[string]bool // by place: whether it held something plausible
}

// zeros is the mood of a device whose registers hold nothing yet, which every map allows.
const zeros = 5

func placed(p device.Point) string { return fmt.Sprint(p.Register, p.Scale, p.Min, p.Max) }

func (c chance) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	out := make([]device.Reading, len(points))
	for i, p := range points {
		raw := []byte{byte(c.rnd.Uint32()) | 1, byte(c.rnd.Uint32())}
		value := p.Min + (p.Max-p.Min)*c.rnd.Float64()
		if c.rnd.IntN(10) < c.mood {
			value = p.Max + 1 + c.rnd.Float64()*1e6
		}
		switch c.rnd.IntN(6) * c.mood {
		case 1:
			out[i] = device.BadReading(p, device.NoSuchPoint, time.Time{})
			continue
		case 2, 4:
			raw, value = []byte{0, 0}, 0
		}
		out[i] = device.Reading{Device: p.Device, Point: p.Name, Value: value, Quality: device.Good}
		if c.mood == zeros {
			raw, value = []byte{0, 0}, max(p.Min, min(0, p.Max))
			out[i].Value = value
		}
		if outside := p.Max > p.Min && (value < p.Min || value > p.Max); outside {
			out[i].Quality, out[i].Reason = device.Uncertain, device.OutOfRange
		} else {
			c.fits[placed(p)] = true
		}
		device.TraceOf(ctx).Found(p, raw)
	}
	return out, nil
}

func (chance) Raw(_ context.Context, _ device.Serial, frame []byte, _ func([]byte) bool) (device.Exchange, error) {
	return device.Exchange{Out: frame, In: withSum([]byte{frame[0], 0x83, 2})}, nil
}

func (chance) Close() error { return nil }

// TestConfidenceIsEarned: whatever a device holds, the candidates share no more than there is, none is surer than allowed, and none
// stands there of whose points a quarter is implausible, or that has shown nothing.
func TestConfidenceIsEarned(t *testing.T) {
	models := service(t, oneLine()).Models()
	told := 0
	for round := range 600 {
		line := chance{rand.New(rand.NewPCG(uint64(round), 188)), round % (zeros + 1), map[string]bool{}}
		site := oneLine()
		if round%2 == 1 { // what a site has already is likelier, but not by itself
			site.Channels[0].Devices = []device.Device{{ID: "old", Model: models[round%40].Name, Points: []device.Point{{Address: "200"}}}}
		}
		some := models[round%40 : round%40+1+round%4] // all together share too little to be told
		s, err := commission.New(commission.Config{Site: site, Models: some, Open: func(context.Context, device.Channel) (commission.Line, error) { return line, nil }})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Scan(t.Context(), commission.ScanRequest{Channel: "rs485-1", Addresses: ranges(t, "1"), Settings: []commission.Setting{quick()}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, c := range at(t, r, "1").Candidates {
			told++
			sum += c.Confidence
			fits := 0
			for _, p := range models[slices.IndexFunc(models, func(m *config.Model) bool { return m.Name == c.Model })].Points {
				if line.fits[placed(p)] {
					fits++
				}
			}
			if c.Confidence > 0.95 || c.Confidence <= 0 || c.Good == 0 || c.Good > fits || c.Good*4 < c.Read*3 {
				t.Errorf("round %d: %+v, and %d points fit", round, c, fits)
			}
		}
		if line.mood == zeros && sum > 0 {
			t.Errorf("round %d: zeros are %v", round, named(at(t, r, "1")))
		}
		if sum > 1+1e-9 {
			t.Errorf("round %d: all candidates together are sure to %v", round, sum)
		}
	}
	if told == 0 {
		t.Error("no round named a model")
	}
}

// TestSharesAreRoundedDown: however close models are, all together are not surer than sure.
func TestSharesAreRoundedDown(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		bits := make([]float64, 1+rnd.IntN(5))
		for i := range bits {
			bits[i] = 12 + 40*rnd.Float64()
		}
		sum := 0.0
		for _, c := range commission.CandidatesOf(bits) {
			sum += c.Confidence
		}
		if sum > 1+1e-9 {
			t.Fatalf("%v bits are sure to %v", bits, sum)
		}
	}
}
