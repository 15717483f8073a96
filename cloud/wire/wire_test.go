package wire_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func codec(t testing.TB) (*wire.Encoder, *wire.Decoder) {
	t.Helper()
	e, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	d, err := wire.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

func TestReadingsSurviveTheWire(t *testing.T) {
	e, d := codec(t)
	at := time.UnixMilli(1_795_000_000_123)
	want := []device.Reading{
		{Device: "A-03.1", Point: "power", Value: 231.4, Quality: device.Good, Time: at},
		{Device: "A-03.1", Point: "energy", Value: 1e-3, Quality: device.Uncertain, Reason: device.OutOfRange, Time: at.Add(-time.Second)},
		{Device: "gas-1802", Point: "level", Value: math.NaN(), Quality: device.Bad, Reason: device.Timeout, Time: at.Add(time.Hour)},
		{Device: "gas-1802", Point: "level", Value: 62, Quality: device.Good, Time: at.Add(2 * time.Hour)},
	}
	for range 2 { // the second round uses the encoder's old buffers
		payload, err := e.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Readings(payload)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			g, w := got[i], want[i]
			if math.IsNaN(w.Value) && math.IsNaN(g.Value) {
				g.Value, w.Value = 0, 0
			}
			if !g.Time.Equal(w.Time) {
				t.Fatalf("reading %d at %v, want %v", i, g.Time, w.Time)
			}
			g.Time = w.Time
			if g != w {
				t.Fatalf("reading %d: got %+v want %+v", i, g, w)
			}
		}
	}
}

func TestAFullRecordFitsAMessage(t *testing.T) {
	e, _ := codec(t)
	rs := make([]device.Reading, wire.MaxReadings)
	for i := range rs {
		rs[i] = device.Reading{Device: "device-with-a-long-name-" + string(rune('a'+i%26)), Point: "p" + string(rune('0'+i%64)),
			Value: math.Sin(float64(i)) * 1e9, Quality: device.Good, Time: time.UnixMilli(int64(i * 997))}
	}
	payload, err := e.Encode(rs)
	if err != nil || len(payload) > wire.MaxPayload {
		t.Fatalf("%d bytes, %v", len(payload), err)
	}
	if _, err := e.Encode(append(rs, rs[0])); err == nil {
		t.Fatal("one reading too many was taken")
	}
}

func TestAlertSurvivesTheWire(t *testing.T) {
	want := rules.AlertEvent{
		Alert: "R16/gas-1802/x", Rule: "R16", Version: "abc", Subject: "gas-1802", Zone: "k", Severity: rules.SeverityA,
		State: rules.Firing, Since: time.UnixMilli(5), At: time.UnixMilli(6), Title: rules.Text{ZH: "燃气高报", EN: "Gas high"},
		Message: rules.Text{ZH: "值 62 %LEL", EN: "62 %LEL"}, Card: []rules.Text{{ZH: "疏散", EN: "Evacuate"}},
		Evidence: []rules.Evidence{{Name: "level", Unit: "%LEL", Value: 62, Quality: device.Good}},
		Limit:    &rules.Limit{Point: "level", Value: 25, Unit: "%LEL", Above: true},
		Actions:  []rules.Action{{Device: "valve-1802", Point: "open", Value: 0}},
	}
	b, err := proto.Marshal(wire.FromAlert(want))
	if err != nil {
		t.Fatal(err)
	}
	var a wire.Alert
	if err := proto.Unmarshal(b, &a); err != nil {
		t.Fatal(err)
	}
	if got := a.Event(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func TestTopics(t *testing.T) {
	topic := wire.Topic("gw-0142", wire.UpHello)
	gateway, leaf, err := wire.ParseTopic(topic)
	if err != nil || gateway != "gw-0142" || leaf != wire.UpHello {
		t.Fatalf("%s: %s %s %v", topic, gateway, leaf, err)
	}
	for _, bad := range []string{"", "ls/1", "ls/1/zz/gw-0142/up/hello", "ls/2/" + topic[5:], "ls/1/00/#/up/hello", "ls/1/00/+/x", "x/" + topic} {
		if _, _, err := wire.ParseTopic(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzReadings(f *testing.F) {
	e, d := codec(f)
	good, err := e.Encode([]device.Reading{{Device: "a", Point: "b", Value: 1, Quality: device.Good, Time: time.UnixMilli(1)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		rs, err := d.Readings(b)
		if err == nil && (len(rs) == 0 || len(rs) > wire.MaxReadings) {
			t.Fatalf("%d readings", len(rs))
		}
	})
}

// The encoder guesses the next series from the last payload: any order must come out right all the same.
func TestOrderAndRepeats(t *testing.T) {
	e, d := codec(t)
	at := time.UnixMilli(5)
	mk := func(dev, p string, v float64) device.Reading {
		return device.Reading{Device: dev, Point: p, Value: v, Quality: device.Good, Time: at}
	}
	for _, rs := range [][]device.Reading{
		{mk("a", "x", 1), mk("a", "y", 2), mk("b", "x", 3)},
		{mk("b", "x", 3), mk("a", "y", 2), mk("a", "x", 1), mk("a", "x", 4)},
		{mk("c", "z", 9), mk("a", "x", 1), mk("a", "y", 2), mk("b", "x", 3), mk("c", "z", math.Pi)},
	} {
		p, err := e.Encode(rs)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Readings(p)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rs {
			if got[i] != rs[i] {
				t.Fatalf("reading %d: got %+v want %+v", i, got[i], rs[i])
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	e, _ := codec(b)
	rs := make([]device.Reading, wire.MaxReadings)
	for i := range rs {
		rs[i] = device.Reading{Device: "device-" + string(rune('a'+i/20)), Point: "point-" + string(rune('a'+i%20)),
			Value: float64(i), Quality: device.Good, Time: time.UnixMilli(int64(i))}
	}
	for b.Loop() {
		if _, err := e.Encode(rs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rs)), "ns/reading")
}
