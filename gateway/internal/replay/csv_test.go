package replay_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/replay"
	"github.com/linshao/linshao/rules"
)

func TestCSVInAnyOrder(t *testing.T) {
	devices := yard(0, 1, 5*time.Second)
	const head = "value,time,point,device,unit,quality,reason\n"
	lines := []string{
		"30,2026-11-22 20:00:00,level,gas-0,%LEL,good,\n", "31,1795348805000,level,gas-0,,,\n", ",2026-11-22T12:00:10Z,level,gas-0,,bad,timeout\n",
		"0,2026/11/22 20:00:15,status,gas-0,,uncertain,out_of_range\n",
	}
	zone := time.FixedZone("", 8*3600)
	var first []string
	for i := range 6 {
		table, mistakes, err := replay.ReadCSV(strings.NewReader(head+strings.Join(lines, "")), devices, zone)
		if err != nil || mistakes.Total != 0 {
			t.Fatal(mistakes, err)
		}
		from, to := table.Span()
		if !from.Equal(noon) || !to.Equal(noon.Add(15*time.Second)) {
			t.Fatal(from, to)
		}
		got, report := played(t, table, rules.ReplayConfig{Set: shipped(t), Devices: devices})
		if report.Samples != 4 || len(got) == 0 {
			t.Fatalf("%+v", report)
		}
		if i == 0 {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Errorf("got  %v\nwant %v", got, first)
		}
		lines = append(lines[1:], lines[0])
		if i == 3 {
			slices.Reverse(lines)
		}
	}
}

func TestMistakesInACSV(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "the file is empty",
		"time,device,point\n":          `the first line lacks the column "value"`,
		"time,device,point,value,x\n":  `column "x" is not known`,
		"time,time,device,point,value": `column "time" is there twice`,
		"time,device,point,value\n":    "there is no line of data",
		"time,device,point,value\n2026-11-22 12:00,gas-0,level,\"1\n":                "is no CSV",
		"time,device,point,value\n1970-01-01 12:00,gas-0,level,1\n":                  "cannot read the time",
		"time,device,point,value\n2026-11-22 12:00,gas-0,level,NaN\n":                `"NaN" is no number`,
		"time,device,point,value,unit\n2026-11-22 12:00,gas-0,level,1,ppm\n":         `gas-0.level comes in "%LEL", not in "ppm"`,
		"time,device,point,value,quality\n2026-11-22 12:00,gas-0,level,1,fine\n":     `quality "fine" is not known`,
		"time,device,point,value,quality\n2026-11-22 12:00,gas-0,level,,good\n":      "quality is good, and there is no value",
		"time,device,point,value,reason\n2026-11-22 12:00,gas-0,level,1,tired\n":     `reason "tired" is not known`,
		"time,device,point,value\n2026-11-22 12:00,gas-9,level,1\n":                  `the site has no device "gas-9"; it has gas-0`,
		"time,device,point,value\n" + strings.Repeat("x,gas-0,level,1\n", 100):       "cannot read the time",
		"time,device,point,value\n2026-11-22 12:00,gas-0,level,1,2026-11-22 12:00\n": "has 5 columns, the first line has 4",
	} {
		table, mistakes, err := replay.ReadCSV(strings.NewReader(text), yard(0, 1, time.Second), time.UTC)
		if err != nil || table != nil || mistakes.Total == 0 || len(mistakes.List) > 20 || !strings.Contains(mistakes.List[0].Text.EN, want) {
			t.Errorf("%q: %+v %v", text, mistakes, err)
		}
	}
}

func TestOutcomes(t *testing.T) {
	all, mistakes, err := replay.ReadOutcomes(strings.NewReader("alert,outcome\nR16/gas-1/20261122T091500Z,误报\nR16/k/1/20261122T091500Z-2,real\nR16/gas-1/20261122T091500Z,drill\n"))
	if err != nil || mistakes.Total != 0 || len(all) != 2 || all["R16/gas-1/20261122T091500Z"] != "drill" || all["R16/k/1/20261122T091500Z-2"] != "real" {
		t.Errorf("%v %v %v", all, mistakes, err)
	}
	a, ok := replay.Rise("R16/k/1/20261122T091500Z-2")
	if !ok || a.Rule != "R16" || a.Subject != "k/1" || !a.Since.Equal(time.Date(2026, 11, 22, 9, 15, 0, 0, time.UTC)) {
		t.Errorf("%+v", a)
	}
	for text, want := range map[string]string{
		"": "the file is empty", "a,b\n": "needs the columns alert and outcome", "alert,outcome\nR16,real\n": `"R16" is no alert`,
		"alert,outcome\nR16/g/20261122T091500Z,perhaps\n": `outcome "perhaps" is not known`, "alert,x,outcome\nR16/g/20261122T091500Z\n": "has only 1 columns",
	} {
		if all, m, err := replay.ReadOutcomes(strings.NewReader(text)); err != nil || all != nil || m.Total == 0 || !strings.Contains(m.List[0].Text.EN, want) {
			t.Errorf("%q: %v %v", text, m, err)
		}
	}
	recorded := []rules.RecordedAlert{{Alert: "R16/g/20261122T121500Z", Rule: "R16", Subject: "g", Since: noon.Add(15 * time.Minute)}}
	joined, outside := replay.Join(recorded, map[string]string{"R16/g/20261122T121500Z": "real", "R15/g/20261122T123000Z": "drill", "R15/g/20251122T123000Z": "real"}, noon, noon.Add(time.Hour))
	if outside != 1 || len(joined) != 2 || joined[0].Outcome != "real" || joined[1].Outcome != "drill" || joined[1].Subject != "g" {
		t.Errorf("%d %+v", outside, joined)
	}
}

func FuzzReadCSV(f *testing.F) {
	devices := yard(0, 1, 5*time.Second)
	set := shipped(f)
	f.Add([]byte("time,device,point,value,unit,quality,reason\n2026-11-22 12:00,gas-0,level,30,%LEL,good,\n1795348805000,gas-0,status,1,,bad,timeout\n"))
	f.Add([]byte("\ufeffvalue,point,device,time\n1,level,gas-0,2026-11-22T12:00:00Z\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, mistakes, err := replay.ReadCSV(bytes.NewReader(data), devices, time.UTC)
		if err != nil {
			t.Fatal(err) // there is no reader that fails
		}
		if (table == nil) == (mistakes.Total == 0) {
			t.Fatalf("%v %v", table, mistakes)
		}
		if table == nil {
			return
		}
		from, to := table.Span()
		table.Cut(to.Add(-time.Hour), to)
		if _, report := played(t, table, rules.ReplayConfig{Set: set, Devices: devices, From: from}); report.Samples != table.Stats().Samples {
			t.Fatalf("%d of %d samples", report.Samples, table.Stats().Samples)
		}
	})
}

func FuzzReadOutcomes(f *testing.F) {
	f.Add([]byte("alert,outcome\nR16/gas-1/20261122T091500Z,误报\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, mistakes, err := replay.ReadOutcomes(bytes.NewReader(data))
		if err != nil || mistakes.Total > 0 && all != nil {
			t.Fatal(err, mistakes)
		}
		replay.Join(nil, all, noon, noon.Add(time.Hour))
	})
}
