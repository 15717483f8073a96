package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

type logVerifyCmd struct {
	Dir  string `arg:"" type:"existingdir" help:"The data folder, or one log's folder in it."`
	JSON bool   `name:"json" help:"Print one JSON line for each log."`
}

// Run reads everything and changes nothing.
func (c logVerifyCmd) Run(lang config.Language) error {
	return judgeLogs(lang, c.Dir, c.JSON, outbox.Verify, false)
}

type logRepairCmd struct {
	Dir  string `arg:"" type:"existingdir" help:"The data folder, or one log's folder in it. No gateway may be using it."`
	JSON bool   `name:"json" help:"Print one JSON line for each log."`
}

// Run repairs what can be repaired and tells what it did.
func (c logRepairCmd) Run(lang config.Language) error {
	return judgeLogs(lang, c.Dir, c.JSON, outbox.Repair, true)
}

// judgeLogs verifies or repairs every log of a folder. Found damage is exit code 1, also when it was repaired; a log that cannot
// be looked at is told, and the others are looked at all the same.
func judgeLogs(lang config.Language, dir string, asJSON bool, judge func(string) (outbox.Verdict, error), acted bool) error {
	dirs, err := logFolders(dir)
	if err != nil {
		return exit{exitDevice, err}
	}
	if len(dirs) == 0 {
		return exit{exitDevice, noLog(lang, dir)}
	}
	var failed []error
	whole := true
	for _, d := range dirs {
		v, err := judge(d)
		if err != nil {
			if errors.Is(err, outbox.ErrInUse) {
				err = fmt.Errorf(speaker(lang)("%s 正被网关使用，请先停止网关", "%s is in use by a gateway, stop it first"), d)
			}
			failed = append(failed, err)
			continue
		}
		whole = whole && v.OK()
		if asJSON {
			err = json.NewEncoder(os.Stdout).Encode(verdictOf(d, v))
		} else {
			err = printVerdict(os.Stdout, lang, d, v, acted)
		}
		if err != nil {
			return fmt.Errorf("print verdict: %w", err)
		}
	}
	switch {
	case len(failed) > 0:
		return exit{exitDevice, errors.Join(failed...)}
	case !whole:
		return exit{code: exitFinding}
	}
	return nil
}

// logFolders are the folder itself if it is a log, or the logs in it.
func logFolders(dir string) (dirs []string, err error) {
	isLog := func(dir string) bool {
		names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
		return err == nil && len(names) > 0
	}
	if isLog(dir) {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	for _, e := range entries {
		if sub := filepath.Join(dir, e.Name()); e.IsDir() && isLog(sub) {
			dirs = append(dirs, sub)
		}
	}
	return dirs, nil
}

func printVerdict(w io.Writer, lang config.Language, dir string, v outbox.Verdict, acted bool) error {
	say := speaker(lang)
	fmt.Fprintf(w, say("%s  %s  纪元 %016x  记录 %d 条  %d 字节  已确认到 %d\n", "%s  %s  epoch %016x  %d records  %d bytes  acknowledged to %d\n"),
		dir, wire.StreamName(v.Stream), v.Epoch, v.Records, v.Bytes, v.Acked)
	rows := [][]string{strings.Fields(say("文件 记录 首 末 字节 损坏", "file records first last bytes damage"))}
	for _, s := range v.Segments {
		rows = append(rows, []string{s.Name, strconv.FormatUint(s.Records, 10), numberOf(s.First), numberOf(s.Last), strconv.FormatInt(s.Bytes, 10), damageOf(lang, s)})
	}
	printTable(w, rows)
	printHoles(w, lang, v.Holes)
	if acted {
		fmt.Fprintln(w, say("已做：", "done:"))
	} else {
		fmt.Fprintln(w, say("网关启动时会：", "a start would:"))
	}
	for _, s := range v.Steps {
		fmt.Fprintln(w, "  "+stepOf(lang, s))
	}
	for _, g := range v.Gaps {
		fmt.Fprintf(w, say("  报告缺口 %d–%d：%s\n", "  report the gap %d–%d: %s\n"), g.First, g.Last, reasonOf(lang, g.Reason))
	}
	fmt.Fprintf(w, say("  从编号 %d 继续\n", "  go on with number %d\n"), v.GoOn)
	if !acted && len(v.Steps)+len(v.Gaps) == 0 {
		fmt.Fprintln(w, say("  不改动任何文件", "  change no file"))
	}
	verdict := say("完好", "intact")
	switch {
	case v.OK():
	case stays(v):
		verdict = say("有损坏；中间的损坏留在原处，读到时记为缺口", "damaged; damage in the middle stays where it is and becomes a gap when it is read")
	case acted:
		verdict = say("曾有损坏，已按上面处理；移走的文件在 quarantine/ 里", "was damaged, and was dealt with as said above; what was moved is in quarantine/")
	default:
		verdict = say("有损坏；网关启动或 gateway log repair 会按上面处理", "damaged; a start or gateway log repair deals with it as said above")
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}

// stays says that some damage is not moved aside: it has intact records on both sides.
func stays(v outbox.Verdict) bool {
	moved := map[string]int64{}
	for _, s := range v.Steps {
		if s.Do != outbox.StepCreate {
			moved[s.File] += s.Bytes
		}
	}
	return slices.ContainsFunc(v.Segments, func(s outbox.SegmentSummary) bool { return s.Problem == "" && s.Damaged > moved[s.Name] })
}

func numberOf(n uint64) string {
	if n == 0 {
		return "—"
	}
	return strconv.FormatUint(n, 10)
}

// damageOf names the first places; a file of noise may have thousands.
func damageOf(lang config.Language, s outbox.SegmentSummary) string {
	if s.Problem != "" {
		return problemOf(lang, s.Problem)
	}
	if s.Damaged == 0 {
		return "—"
	}
	const most = 5
	var places []string
	for _, d := range s.Damages[:min(most, len(s.Damages))] {
		places = append(places, fmt.Sprintf("%d+%d", d.Offset, d.Bytes))
	}
	if len(s.Damages) > most {
		places = append(places, "…")
	}
	return fmt.Sprintf(speaker(lang)("%d 字节：%s", "%d bytes: %s"), s.Damaged, strings.Join(places, " "))
}

func stepOf(lang config.Language, s outbox.Step) string {
	say := speaker(lang)
	switch s.Do {
	case outbox.StepQuarantine:
		return fmt.Sprintf(say("把 %s（%d 字节）移入 quarantine/", "move %s (%d bytes) to quarantine/"), s.File, s.Bytes)
	case outbox.StepTruncate:
		return fmt.Sprintf(say("把 %s 从 %d 起的 %d 字节截下，存入 quarantine/", "cut %s at %d, %d bytes kept in quarantine/"), s.File, s.At, s.Bytes)
	}
	return fmt.Sprintf(say("新建 %s", "make %s"), s.File)
}

// verdictLine is a Verdict in JSON.
type verdictLine struct {
	Dir      string        `json:"dir"`
	OK       bool          `json:"ok"`
	Stream   string        `json:"stream"`
	Epoch    string        `json:"epoch"`
	Oldest   uint64        `json:"oldest"`
	Records  uint64        `json:"records"`
	Bytes    int64         `json:"bytes"`
	Acked    uint64        `json:"acknowledged"`
	Segments []segmentLine `json:"segments"`
	Missing  []gapLine     `json:"missing"`
	Steps    []stepLine    `json:"steps"`
	Gaps     []gapLine     `json:"gaps"`
	Next     uint64        `json:"next"`
}

type segmentLine struct {
	File    string     `json:"file"`
	Records uint64     `json:"records"`
	First   uint64     `json:"first"`
	Last    uint64     `json:"last"`
	Bytes   int64      `json:"bytes"`
	Damage  [][2]int64 `json:"damage,omitempty"` // offset and bytes
	Problem string     `json:"problem,omitempty"`
}

type gapLine struct {
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
	Reason string `json:"reason"`
}

type stepLine struct {
	Do    string `json:"do"`
	File  string `json:"file"`
	At    int64  `json:"at"`
	Bytes int64  `json:"bytes"`
}

func verdictOf(dir string, v outbox.Verdict) verdictLine {
	line := verdictLine{Dir: dir, OK: v.OK(), Stream: wire.StreamName(v.Stream), Epoch: fmt.Sprintf("%016x", v.Epoch), Oldest: v.Oldest, Records: v.Records,
		Bytes: v.Bytes, Acked: v.Acked, Segments: []segmentLine{}, Missing: gapLines(v.Holes), Gaps: gapLines(v.Gaps), Steps: []stepLine{}, Next: v.GoOn}
	for _, s := range v.Segments {
		out := segmentLine{File: s.Name, Records: s.Records, First: s.First, Last: s.Last, Bytes: s.Bytes, Problem: s.Problem}
		for _, d := range s.Damages {
			out.Damage = append(out.Damage, [2]int64{d.Offset, d.Bytes})
		}
		line.Segments = append(line.Segments, out)
	}
	for _, s := range v.Steps {
		line.Steps = append(line.Steps, stepLine(s))
	}
	return line
}

func gapLines(gaps []outbox.Gap) []gapLine {
	lines := []gapLine{}
	for _, g := range gaps {
		lines = append(lines, gapLine{g.First, g.Last, g.Reason})
	}
	return lines
}
