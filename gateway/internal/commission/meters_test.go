package commission_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/serial"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// TestMetersThatAnswerTogether are told apart by their numbers, and each is read, over a wire.
func TestMetersThatAnswerTogether(t *testing.T) {
	t.Parallel()
	line := slaves(dlt645(t, "000000012345"), dlt645(t, "202311000007"), dlt645(t, "000000012399"))
	r := scanned(t, line, "dlt645", commission.ScanRequest{})
	if len(r.Found) != 3 || len(r.Hints) != 0 {
		t.Errorf("found %+v, hints %+v", r.Found, r.Hints)
	}
	for _, number := range []string{"000000012345", "202311000007", "000000012399"} {
		if f := at(t, r, number); f.State != commission.StateDevice || len(f.Candidates) == 0 || f.Candidates[0].Confidence > 0.95 {
			t.Errorf("%s is %+v", number, f)
		}
	}
}

// together is a line without time: what its meters answer at once is mixed, as on copper.
type together []serial.Slave

func (together) Read(context.Context, []device.Point) ([]device.Reading, error) {
	return nil, errors.ErrUnsupported
}

func (l together) Raw(_ context.Context, _ device.Serial, frame []byte, _ func([]byte) bool) (device.Exchange, error) {
	x := device.Exchange{Out: frame}
	for _, s := range l {
		answer := s.Answer(frame)
		for i := range answer[:min(len(answer), len(x.In))] {
			answer[i] &= x.In[max(0, i-1)] // one is a little late
		}
		if len(answer) > 0 {
			x.In = append(answer, x.In[min(len(answer), len(x.In)):]...)
		}
	}
	return x, nil
}

func (together) Close() error { return nil }

// TestNumbersAreNarrowedDown over as many digits as it takes, and two meters of one number are called that.
func TestNumbersAreNarrowedDown(t *testing.T) {
	line := together{dlt645(t, "000000012345"), dlt645(t, "000000992345"), dlt645(t, "000000012399"), dlt645(t, "110000000007"), dlt645(t, "110000000007")}
	s, err := commission.New(commission.Config{Site: oneLine(), Models: []*config.Model{}, Open: func(context.Context, device.Channel) (commission.Line, error) { return line, nil }})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Scan(t.Context(), commission.ScanRequest{Channel: "rs485-1", Protocols: []string{"dlt645"}, Settings: []commission.Setting{quick()}, Bare: true}, nil)
	if err != nil || len(r.Found) != 4 {
		t.Fatalf("%v, found %+v", err, r.Found)
	}
	for number, state := range map[string]string{"000000012345": commission.StateDevice, "000000992345": commission.StateDevice, "000000012399": commission.StateDevice,
		"110000000007": commission.StateDuplicate} {
		if f := at(t, r, number); f.State != state {
			t.Errorf("%s is %+v", number, f)
		}
	}
}

// TestOneDamagedAnswer of one meter is no reason to look for more: a second and a third question say that it is alone.
func TestOneDamagedAnswer(t *testing.T) {
	t.Parallel()
	meter, asked := dlt645(t, "000000012345"), 0
	hear := meter.Answer
	meter.Answer = func(request []byte) []byte {
		answer := hear(request)
		if asked++; asked == 1 {
			answer[len(answer)-3] ^= 1
		}
		return answer
	}
	r := scanned(t, slaves(meter), "dlt645", commission.ScanRequest{Bare: true})
	if f := at(t, r, "000000012345"); f.State != commission.StateDevice || f.Damaged != 1 || r.Settings[0].Frames != 3 {
		t.Errorf("after %d questions: %+v", r.Settings[0].Frames, r.Found)
	}
}

// TestALineThatIsNeverQuiet holds no meters, whatever it sends.
func TestALineThatIsNeverQuiet(t *testing.T) {
	t.Parallel()
	noise := serial.Slave{Delay: time.Millisecond, Answer: func([]byte) []byte { return []byte{0x68, 1, 2, 3, 4, 5, 6, 7, 8, 9} }}
	for protocol, hint := range map[string]string{"dlt645": commission.HintNoise, "cjt188": commission.HintSeveral} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			r := scanned(t, slaves(noise), protocol, commission.ScanRequest{})
			if len(r.Found) != 0 || !hinted(r.Hints, hint) || r.Settings[0].Frames > 30 {
				t.Errorf("%d questions, found %+v, hints %+v", r.Settings[0].Frames, r.Found, r.Hints)
			}
		})
	}
}

// TestAMeterThatRefuses to answer the question says so with its number, which is all that was asked.
func TestAMeterThatRefuses(t *testing.T) {
	t.Parallel()
	meter := dlt645(t, "000000012345")
	hear := meter.Answer
	meter.Answer = func(request []byte) []byte {
		if request[12] == 0x13 || slices.Contains(request, 0x37) && request[12] == 0x11 && request[14] == 0x34 && request[15] == 0x37 {
			return []byte{0x68, 0x45, 0x23, 0x01, 0, 0, 0, 0x68, request[12] | 0xC0, 1, 0x35, sumOf(0x68, 0x45, 0x23, 0x01, 0x68, request[12]|0xC0, 1, 0x35), 0x16}
		}
		return hear(request)
	}
	r := scanned(t, slaves(meter), "dlt645", commission.ScanRequest{})
	if f := at(t, r, "000000012345"); f.State != commission.StateDevice || len(f.Candidates) == 0 {
		t.Errorf("%+v", f)
	}
}

func sumOf(b ...byte) (sum byte) {
	for _, x := range b {
		sum += x
	}
	return sum
}

// gasMeter is a CJ/T 188 meter of a type: it knows its number and its volume, 1234.56 m3 (the golden value of its profile).
func gasMeter(kind byte, last byte) serial.Slave {
	number := []byte{last, 0x44, 0x33, 0x22, 0x11, 0x00, 0x33}
	return serial.Slave{Delay: time.Millisecond, Answer: func(request []byte) []byte {
		for len(request) > 0 && request[0] == 0xFE {
			request = request[1:]
		}
		if len(request) < 16 || request[0] != 0x68 || request[1] != 0xAA && request[1] != kind {
			return nil
		}
		for i, b := range request[2:9] {
			if b != 0xAA && b != number[i] {
				return nil
			}
		}
		data := append([]byte{}, request[11:14]...)
		switch {
		case request[9] == 1 && data[0] == 0x1F && data[1] == 0x90:
			data = append(data, 0x56, 0x34, 0x12, 0, 0x2C, 0, 0, 0, 0, 0x2C, 0, 0, 0, 1, 1, 0x26, 0x20, 0, 0)
		case request[9] != 3:
			return nil
		}
		frame := append(append([]byte{0x68, kind}, number...), request[9]|0x80, byte(len(data)))
		frame = append(frame, data...)
		return append([]byte{0xFE, 0xFE}, append(frame, sumOf(frame...), 0x16)...)
	}}
}

// TestGasMeters: one is found and read; several of different types are told apart, of one type they are said to be several.
func TestGasMeters(t *testing.T) {
	t.Parallel()
	gas, other, water := gasMeter(0x30, 0x55), gasMeter(0x30, 0x66), gasMeter(0x10, 0x77)
	for name, c := range map[string]struct {
		on    []serial.Slave
		found []string
		hints int
	}{
		"one":                        {[]serial.Slave{gas}, []string{"33001122334455"}, 0},
		"gas and water":              {[]serial.Slave{gas, water}, []string{"33001122334455", "33001122334477"}, 0},
		"two for gas, one for water": {[]serial.Slave{gas, other, water}, []string{"33001122334477"}, 1},
		"two for gas":                {[]serial.Slave{gas, other}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := scanned(t, slaves(c.on...), "cjt188", commission.ScanRequest{})
			if len(r.Found) != len(c.found) || len(r.Hints) != c.hints || c.hints > 0 && !hinted(r.Hints, commission.HintSeveral) {
				t.Errorf("found %+v, hints %+v", r.Found, r.Hints)
			}
			for _, number := range c.found {
				if f := at(t, r, number); f.State != commission.StateDevice || number == "33001122334455" && len(f.Trial) != 2 {
					t.Errorf("%s is %+v", number, f)
				}
			}
		})
	}
}
