package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A scanShow tells people how a scan goes: on a terminal with a bar that moves, elsewhere line by line.
type scanShow struct {
	out    io.Writer // nil: silent
	tty    bool
	lang   config.Language
	say    func(zh, en string) string
	widths []int
	headed bool
	plan   commission.Plan
	file   string // the site, where the user named one
	began  time.Time
}

func newScanShow(f *os.File, lang config.Language, file string) *scanShow {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return &scanShow{out: f, tty: err == nil, lang: lang, say: speaker(lang), file: file, began: time.Now()}
}

func (s *scanShow) printf(format string, args ...any) {
	if s.out != nil {
		fmt.Fprint(s.out, typed(fmt.Sprintf(format, args...), s.file))
	}
}

func (s *scanShow) println(text string) { s.printf("%s\n", text) }

// clear takes the bar away.
func (s *scanShow) clear() {
	if s.tty {
		s.printf("\r\x1b[K")
	}
}

func (s *scanShow) progress(p commission.Progress) {
	switch p.Kind {
	case commission.Planned:
		s.begin(*p.Plan)
	case commission.Tried:
		if s.tty {
			s.bar(p, "\r", "\x1b[K")
		}
	case commission.Ended:
		if s.clear(); p.Setting.Baud != 0 {
			s.bar(p, "", "\n")
		}
	case commission.Recalled:
		s.clear()
		s.printf("%s\n", s.say("网关要用总线下发命令，让路后接着扫描", "the gateway needed the line for a command; the scan goes on"))
	case commission.Known:
		s.clear()
		s.row(s.found(*p.Found))
	}
}

// begin says what is going to happen, and how long it takes at most.
func (s *scanShow) begin(p commission.Plan) {
	s.plan = p
	address := 6
	for _, protocol := range p.Protocols {
		if protocol != "modbus" && protocol != "osdp" {
			address = 14
		}
	}
	model := 26 - 2*(address-6)/8 // a meter's number takes from the other columns
	s.widths = []int{address, model, 8, 66 - address - model - 8}
	var settings []string
	for _, set := range p.Settings {
		settings = append(settings, set.String())
	}
	s.printf(s.say("总线 %s (%s)  地址 %s\n", "bus %s (%s)  addresses %s\n"), p.Channel, p.Address, p.Addresses)
	if line := strings.Join(settings, " → "); line != "" {
		s.printf("%s\n", wrap(line, 78))
	}
	most := time.Duration(p.MostMS * float64(time.Millisecond)).Round(time.Second)
	stops := ""
	if p.Stops {
		stops = s.say("，有应答即停", ", fewer when somebody answers")
	}
	s.printf(s.say("问一遍最多约 %v%s；每找到一台加 1–2 s。\n", "asking takes at most about %v%s, each device found a second or two more.\n"), most, stops)
	if p.Paused {
		s.println(s.say("采集已暂停，只读不写。Ctrl-C 随时停止，采集会自动恢复。", "Polling of this bus is paused, nothing is written. Ctrl-C stops, it goes on."))
		return
	}
	s.println(s.say("只读不写。Ctrl-C 随时停止。", "Nothing is written. Ctrl-C stops at any time."))
}

// wrap breaks a line between words.
func wrap(text string, columns int) string {
	var lines []string
	line := ""
	for _, word := range strings.Split(text, " → ") {
		if line != "" && width(line)+3+width(word) > columns {
			lines, line = append(lines, line+" →"), "  "+word
			continue
		}
		if line != "" {
			line += " → "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

// barCells is how long the bar is.
const barCells = 20

func (s *scanShow) bar(p commission.Progress, before, after string) {
	full := 0
	if p.Total > 0 {
		full = barCells * p.Done / p.Total
	}
	what := ""
	if before != "" {
		what = "  " + p.What
	}
	s.printf("%s%-9s  %s%s %d/%d  %.1f s%s%s", before, p.Setting, strings.Repeat("█", full), strings.Repeat("░", barCells-full), p.Done, p.Total, p.TookMS/1000, what, after)
}

// row prints cells in columns, the head before the first.
func (s *scanShow) row(cells []string) {
	if !s.headed {
		s.headed = true
		s.row([]string{s.say("地址", "addr"), s.say("型号（把握）", "model (confidence)"), s.say("应答", "answer"), s.say("试读", "trial read"), s.say("配置", "configured")})
	}
	var line strings.Builder
	for i, cell := range cells {
		line.WriteString(cell)
		if i < len(s.widths) {
			line.WriteString(strings.Repeat(" ", max(1, s.widths[i]-width(cell))))
		}
	}
	s.printf("%s\n", strings.TrimRight(line.String(), " "))
}

// found are the cells of one device.
func (s *scanShow) found(f commission.Found) []string {
	model, trial := s.say("未知", "unknown"), f.Readable
	if len(f.Candidates) > 0 {
		model = fmt.Sprintf("%s (%.0f%%)", f.Candidates[0].Model, 100*f.Candidates[0].Confidence)
		trial = trialValues(f.Trial)
		if n := len(f.Candidates) - 1; n > 0 {
			model = fmt.Sprintf("%s (%.0f%%) +%d", f.Candidates[0].Model, 100*f.Candidates[0].Confidence, n)
		}
	}
	where := s.say("新", "new")
	if len(f.Configured) > 0 {
		where = strings.Join(f.Configured, ",")
	}
	took := fmt.Sprintf("%.0f ms", f.TookMS)
	switch f.State {
	case commission.StateDuplicate, commission.StateNoise:
		model, took = "—", "—"
		trial = fmt.Sprintf(s.say("损坏 %d/%d", "damaged %d/%d"), f.Damaged, f.Asked)
		if where = s.say("疑似同址", "duplicate?"); len(f.Configured) > 0 {
			where = f.Configured[0] + "?"
		}
	case commission.StateRefuses:
		model, trial = "—", s.say("拒绝", "refuses")
	}
	if f.Protocol == "osdp" {
		model, trial = "OSDP", f.Readable
	}
	return []string{f.Address, clip(model, s.widths[1]-1), took, clip(trial, s.widths[3]-1), where}
}

// clip cuts what does not fit a column.
func clip(text string, columns int) string {
	if width(text) <= columns {
		return text
	}
	cut := []rune(text)
	for len(cut) > 0 && width(string(cut)) > columns-1 {
		cut = cut[:len(cut)-1]
	}
	return string(cut) + "…"
}

// trialMost is how many values a row has room for.
const trialMost = 3

// trialValues are the first value of each of the units that tell most.
func trialValues(trials []commission.Trial) string {
	var cells []string
	seen := map[string]bool{}
	for _, t := range trials {
		if t.Value == nil || t.Unit == "" || seen[t.Unit] || len(cells) == trialMost {
			continue
		}
		seen[t.Unit] = true
		cells = append(cells, brief(*t.Value)+" "+t.Unit)
	}
	return strings.Join(cells, " ")
}

// brief writes a value with four digits.
func brief(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1000:
		return fmt.Sprintf("%.0f", v)
	case a >= 10 || a == 0:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	return fmt.Sprintf("%.2f", v)
}

// end sums up.
func (s *scanShow) end(r commission.Report) {
	if r.Stopped && r.TookMS == 0 { // the gateway was not waited for
		r.TookMS = float64(time.Since(s.began).Milliseconds())
	}
	configured, fresh, odd := 0, 0, 0
	for _, f := range r.Found {
		switch {
		case f.State == commission.StateDuplicate || f.State == commission.StateNoise:
			odd++
		case len(f.Configured) > 0:
			configured++
		default:
			fresh++
		}
	}
	if len(r.Found) > 0 {
		s.printf(s.say("\n找到 %d 台：%d 已配置，%d 新，%d 异常。用时 %.1f s\n", "\nfound %d: %d configured, %d new, %d odd. %.1f s\n"), len(r.Found), configured, fresh, odd, r.TookMS/1000)
	}
	for _, f := range r.Found {
		s.others(f)
		s.hints(f.Hints)
	}
	s.hints(r.Hints)
	s.next(r, fresh)
	if r.Plan.Paused {
		s.printf("%s\n", s.say("采集已恢复。", "polling goes on."))
	}
	if r.Stopped {
		s.printf("%s\n", s.say("已停止，以上是停止前找到的。", "stopped; this is what was found until then."))
	}
}

// others names the further candidates of a device that may be several.
func (s *scanShow) others(f commission.Found) {
	if len(f.Candidates) < 2 {
		return
	}
	var names []string
	for _, c := range f.Candidates {
		names = append(names, fmt.Sprintf("%s %.0f%%", c.Model, 100*c.Confidence))
	}
	s.printf(s.say("? 地址 %s 可能是：%s\n", "? address %s may be: %s\n"), f.Address, strings.Join(names, ", "))
}

func (s *scanShow) hints(hints []commission.Hint) {
	for _, h := range hints {
		s.printf("! %s\n", h.Text.In(s.lang))
	}
}

// claims says how the first new device is taken on: its model is only proposed.
func (s *scanShow) claims(r commission.Report) {
	for _, f := range r.Found {
		if f.Configured == nil && f.State == commission.StateDevice && len(f.Candidates) > 0 && (r.Driver == config.DriverSerial || f.Setting == r.Line) {
			own := ""
			if f.Setting != r.Line && f.Setting.Baud != 0 {
				own = fmt.Sprintf(" --baud %d --parity %s", f.Setting.Baud, f.Setting.Parity)
			}
			s.printf(s.say("认领一台：gateway claim --bus %s --addr %s --profile %s%s\n", "claim one:  gateway claim --bus %s --addr %s --profile %s%s\n"), r.Plan.Channel, f.Address, f.Candidates[0].Model, own)
			return
		}
	}
}

// next says what to do now.
func (s *scanShow) next(r commission.Report, fresh int) {
	again := fmt.Sprintf("gateway scan --bus %s", r.Plan.Channel)
	for _, f := range r.Found {
		if len(f.Candidates) == 0 && f.State == commission.StateDevice && f.Protocol == "modbus" && f.Readable != "" {
			s.printf(s.say("寄存器表：gateway probe %s --bus %s\n", "its registers: gateway probe %s --bus %s\n"), f.Address, r.Plan.Channel)
		}
	}
	switch {
	case fresh > 0:
		s.claims(r)
		s.printf(s.say("认领全部：%s --emit > new.yaml\n          选型号、起名，再 gateway claim new.yaml\n", "claim all:  %s --emit > new.yaml\n            choose models and names, then gateway claim new.yaml\n"), again)
	case len(r.Found) == 0 && !r.Stopped:
		s.printf(s.say("再试：%s --baud all --addr 1-247\n", "try next: %s --baud all --addr 1-247\n"), again)
	}
}
