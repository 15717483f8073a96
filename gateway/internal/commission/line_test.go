package commission_test

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// fake is a line with devices at some Modbus units, which know one holding register.
type fake struct {
	units  map[byte]uint16
	asked  func(unit byte)
	closed *int
}

func (f fake) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	out := make([]device.Reading, len(points))
	for i, p := range points {
		out[i] = device.BadReading(p, device.NoSuchPoint, device.Reading{}.Time)
	}
	return out, ctx.Err()
}

func (f fake) Raw(_ context.Context, _ device.Serial, frame []byte, _ func([]byte) bool) (device.Exchange, error) {
	f.asked(frame[0])
	x := device.Exchange{Out: frame}
	if _, there := f.units[frame[0]]; there {
		answer := append([]byte{}, frame...)
		answer = append(answer[:0:0], frame[0], 0x83, 2)
		x.In = withSum(answer)
	}
	return x, nil
}

func (f fake) Close() error { *f.closed++; return nil }

func withSum(b []byte) []byte {
	sum := uint16(0xFFFF)
	for _, x := range b {
		sum ^= uint16(x)
		for range 8 {
			low := sum & 1
			if sum >>= 1; low != 0 {
				sum ^= 0xA001
			}
		}
	}
	return append(b, byte(sum), byte(sum>>8))
}

func oneLine() *config.Site {
	return &config.Site{Channels: []config.Channel{{Channel: device.Channel{ID: "rs485-1", Driver: config.DriverModbusRTU, Address: "nowhere",
		Serial: device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}}}}}
}

// TestAScanGoesOnAfterARecall: through the socket of a gateway that needs its line for a command in the midst of the scan.
func TestAScanGoesOnAfterARecall(t *testing.T) {
	asked, closed, lends := map[byte]int{}, 0, 0
	var recall context.CancelCauseFunc
	lend := func(ctx context.Context, _ string, use func(context.Context) error) error {
		lends++
		ctx, recall = context.WithCancelCause(ctx)
		defer recall(nil)
		if err := use(ctx); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		return nil
	}
	line := fake{units: map[byte]uint16{3: 7}, closed: &closed, asked: func(unit byte) {
		if asked[unit]++; unit == 5 && lends == 1 {
			recall(poll.ErrRecalled)
		}
	}}
	dir := t.TempDir()
	server, err := control.Listen(dir, commission.Handler(func() (*commission.Service, error) {
		return commission.New(commission.Config{Site: oneLine(), Models: []*config.Model{}, Lend: lend,
			Open: func(context.Context, device.Channel) (commission.Line, error) { return line, nil }})
	}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- server.Run(ctx) }()
	defer func() { stop(); <-done }()
	recalled := 0
	client := commission.ClientOf(dir)
	r, err := client.Scan(t.Context(), commission.ScanRequest{Channel: "rs485-1", Addresses: ranges(t, "1-8"), Settings: []commission.Setting{{Baud: 9600, Parity: "none", StopBits: 1}}},
		func(p commission.Progress) {
			if p.Kind == commission.Recalled {
				recalled++
			}
		})
	if err != nil || len(r.Found) != 1 || r.Found[0].Address != "3" || recalled != 1 || lends != 2 || closed != 2 {
		t.Fatalf("%v: %+v; recalled %d, lent %d, closed %d", err, r, recalled, lends, closed)
	}
	for unit := byte(1); unit <= 8; unit++ {
		if asked[unit] == 0 || asked[unit] > 3 || unit == 3 && asked[unit] != 1 { // silent ones twice, and one more for the recall
			t.Errorf("unit %d was asked %d times", unit, asked[unit])
		}
	}
	if _, err := client.Scan(t.Context(), commission.ScanRequest{Channel: "rs485-2"}, nil); !errors.Is(err, commission.ErrNoChannel) {
		t.Errorf("an unknown channel: %v", err)
	}
}

func TestWhyADisplayShowsOtherwise(t *testing.T) {
	word := device.Point{Register: device.Register{Type: "u16"}, Scale: 0.1}
	long := device.Point{Register: device.Register{Type: "u32"}, Scale: 0.01}
	float := device.Point{Register: device.Register{Type: "f32"}}
	cases := []struct {
		name  string
		point device.Point
		raw   string
		value float64
		shown float64
		want  string
	}{
		{"the same", word, "090A", 231.4, 231.4, "match"},
		{"a moving load", word, "090A", 231.4, 231.9, "match"},
		{"scale", word, "090A", 231.4, 23.14, "scale"},
		{"word order", long, "D6750001", 35980001.29, 1204.37, "swap"},
		{"sign", word, "FF9C", 6543.6, -10, "type"},
		{"float", float, "66664367", math.NaN(), 231.4, "swap"},
		{"transformer", word, "0052", 8.2, 328, "ct"},
		{"something else", word, "090A", 231.4, 17.3, "mismatch"},
	}
	for _, c := range cases {
		raw, err := hex.DecodeString(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := commission.Explain(c.point, raw, c.value, c.shown); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// FuzzJudge: whatever stands on a line is judged, and a meter's number has digits alone.
func FuzzJudge(f *testing.F) {
	f.Add([]byte{})
	f.Add(withSum([]byte{7, 3, 2, 0, 1}))
	f.Add(withSum([]byte{7, 0x83, 2}))
	f.Add([]byte{0xFE, 0xFE, 0x68, 0x45, 0x23, 0x01, 0, 0, 0, 0x68, 0x93, 6, 0x78, 0x56, 0x34, 0x33, 0x33, 0x33, 0, 0x16})
	f.Add([]byte{0x53, 0x87, 7, 0, 0, 0x40, 0xDF})
	f.Fuzz(func(t *testing.T, got []byte) {
		_, numbers := commission.JudgeAll(7, got)
		for _, n := range numbers {
			if strings.Trim(n, "0123456789ABCDEF") != "" {
				t.Errorf("a meter is called %q", n)
			}
		}
	})
}
