package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

func volts(v float64) []commission.Trial {
	return []commission.Trial{{Point: "voltage", Unit: "V", Value: &v}}
}

// scanned is a report with one of each kind.
func scanned() commission.Report {
	even := commission.Setting{Baud: 9600, Parity: "even", StopBits: 1}
	return commission.Report{
		Plan: commission.Plan{Channel: "rs485-1", Address: "/dev/ttyS1", Addresses: "1–32", Protocols: []string{"modbus"}, Settings: []commission.Setting{even},
			Frames: 32, MostMS: 4100, Paused: true},
		Found: []commission.Found{
			{Protocol: "modbus", Address: "1", State: commission.StateDevice, TookMS: 31, Configured: []string{"meter-1"}, Trial: volts(231.4),
				Candidates: []commission.Candidate{{Model: "eastron-sdm630", Confidence: 0.95}}},
			{Protocol: "modbus", Address: "2", State: commission.StateDevice, TookMS: 30, Trial: volts(230.9),
				Candidates: []commission.Candidate{{Model: "eastron-sdm630", Confidence: 0.37}, {Model: "eastron-sdm54", Confidence: 0.18}}},
			{Protocol: "modbus", Address: "12", State: commission.StateDevice, TookMS: 44, Readable: "4x0001–4x0016"},
			{Protocol: "modbus", Address: "15", State: commission.StateDuplicate, Asked: 3, Damaged: 3, Hints: []commission.Hint{{Code: commission.HintDuplicate,
				Text: commission.Text{ZH: "地址 15：疑似两台设备同址", EN: "address 15: probably two devices have it"}}}},
		},
		TookMS: 4100,
	}
}

func TestWhatAScanShows(t *testing.T) {
	want := map[config.Language]string{config.Chinese: `
总线 rs485-1 (/dev/ttyS1)  地址 1–32
9600 8E1
问一遍最多约 4s；每找到一台加 1–2 s。
采集已暂停，只读不写。Ctrl-C 随时停止，采集会自动恢复。
地址  型号（把握）              应答    试读                      配置
1     eastron-sdm630 (95%)      31 ms   231.4 V                   meter-1
2     eastron-sdm630 (37%) +1   30 ms   230.9 V                   新
12    未知                      44 ms   4x0001–4x0016             新
15    —                         —       损坏 3/3                  疑似同址
9600 8E1   ████████████████████ 32/32  4.1 s

找到 4 台：1 已配置，2 新，1 异常。用时 4.1 s
? 地址 2 可能是：eastron-sdm630 37%, eastron-sdm54 18%
! 地址 15：疑似两台设备同址
寄存器表：gateway probe 12 --bus rs485-1
认领一台：gateway claim --bus rs485-1 --addr 2 --profile eastron-sdm630
认领全部：gateway scan --bus rs485-1 --emit > new.yaml
          选型号、起名，再 gateway claim new.yaml
采集已恢复。
`, config.English: `
bus rs485-1 (/dev/ttyS1)  addresses 1–32
9600 8E1
asking takes at most about 4s, each device found a second or two more.
Polling of this bus is paused, nothing is written. Ctrl-C stops, it goes on.
addr  model (confidence)        answer  trial read                configured
1     eastron-sdm630 (95%)      31 ms   231.4 V                   meter-1
2     eastron-sdm630 (37%) +1   30 ms   230.9 V                   new
12    unknown                   44 ms   4x0001–4x0016             new
15    —                         —       damaged 3/3               duplicate?
9600 8E1   ████████████████████ 32/32  4.1 s

found 4: 1 configured, 2 new, 1 odd. 4.1 s
? address 2 may be: eastron-sdm630 37%, eastron-sdm54 18%
! address 15: probably two devices have it
its registers: gateway probe 12 --bus rs485-1
claim one:  gateway claim --bus rs485-1 --addr 2 --profile eastron-sdm630
claim all:  gateway scan --bus rs485-1 --emit > new.yaml
            choose models and names, then gateway claim new.yaml
polling goes on.
`}
	for lang, text := range want {
		var b bytes.Buffer
		s := &scanShow{out: &b, lang: lang, say: speaker(lang)}
		r := scanned()
		s.progress(commission.Progress{Kind: commission.Planned, Plan: &r.Plan})
		for i := range r.Found {
			s.progress(commission.Progress{Kind: commission.Known, Found: &r.Found[i]})
		}
		s.progress(commission.Progress{Kind: commission.Ended, Setting: r.Plan.Settings[0], Done: 32, Total: 32, TookMS: 4100})
		s.end(r)
		if got := "\n" + b.String(); got != text {
			t.Errorf("%s:\n%s\nwant\n%s", lang, got, text)
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if width(line) > 80 {
				t.Errorf("%q is %d columns wide", line, width(line))
			}
		}
	}
	if err := scanExit(scanned()); err.(exit).code != exitFinding {
		t.Errorf("two devices at one address are exit %v", err)
	}
}

func TestSettingsOfALine(t *testing.T) {
	for text, want := range map[string]int{"": 0, "all": 0, "9600": 2, "9600-8E1": 1, "9600,2400-8E1": 3, "9600 8O2": 1} {
		if list, all, err := lineSettings(text); err != nil || len(list) != want || all != (text == "all") {
			t.Errorf("%q is %v %v %v", text, list, all, err)
		}
	}
	for _, text := range []string{"fast", "9601", "9600-7E1", "9600,", "9600-8E3"} {
		if list, _, err := lineSettings(text); err == nil {
			t.Errorf("%q is %v", text, list)
		}
	}
}
