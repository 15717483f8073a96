package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

type logCmd struct {
	Inspect logInspectCmd `cmd:"" help:"Read a log offline, without changing it: what is there, what is missing. Exit code: 0 whole, 1 something is missing, 3 cannot be read."`
	Verify  logVerifyCmd  `cmd:"" help:"Read every record of every log offline: what is damaged, and what a start would do about it. Exit code: 0 intact, 1 damaged, 3 cannot be read."`
	Repair  logRepairCmd  `cmd:"" help:"Do offline what a start does: move damage aside. Nothing that is intact is deleted. Exit code: 0 intact, 1 damage was found, 3 cannot be done."`
}

type logInspectCmd struct {
	Dir  string `arg:"" type:"existingdir" help:"Folder of one stream's log: <data>/events, <data>/telemetry or <data>/parts."`
	JSON bool   `name:"json" help:"Print every record as a JSON line."`
}

// Run prints the records, or a summary of them.
func (c logInspectCmd) Run(lang config.Language) error {
	var each func(outbox.Record) error
	if c.JSON {
		decoder, err := wire.NewDecoder()
		if err != nil {
			return err
		}
		out := json.NewEncoder(os.Stdout)
		each = func(r outbox.Record) error { return out.Encode(describe(r, decoder)) }
	}
	summary, err := outbox.Inspect(c.Dir, each)
	if err != nil {
		return exit{exitDevice, err}
	}
	if len(summary.Segments) == 0 {
		return exit{exitDevice, noLog(lang, c.Dir)}
	}
	if !c.JSON {
		printSummary(os.Stdout, lang, summary)
	}
	for _, hole := range summary.Holes {
		if hole.Reason != outbox.ReasonSkipped {
			return exit{code: exitFinding}
		}
	}
	return nil
}

// recordLine is one record in JSON; a payload that cannot be read is said so, the record is there all the same.
type recordLine struct {
	Seq      uint64          `json:"seq"`
	Type     uint32          `json:"type"`
	Boot     uint32          `json:"boot"`
	WallMs   int64           `json:"wall_ms"`
	Event    json.RawMessage `json:"event,omitempty"`
	Readings []readingLine   `json:"readings,omitempty"`
	Problem  string          `json:"problem,omitempty"`
}

type readingLine struct {
	Device  string   `json:"device"`
	Point   string   `json:"point"`
	Value   *float64 `json:"value"`
	Quality string   `json:"quality"`
	Reason  string   `json:"reason,omitempty"`
	At      int64    `json:"at"`
}

func describe(r outbox.Record, decoder *wire.Decoder) recordLine {
	line := recordLine{Seq: r.Seq, Type: r.Type, Boot: r.Boot, WallMs: r.WallMs}
	var err error
	switch r.Type {
	case wire.TypeReadings:
		var readings []device.Reading
		readings, err = decoder.Readings(r.Payload)
		for _, reading := range readings {
			line.Readings = append(line.Readings, lineOf(reading))
		}
	case wire.TypeEvent:
		var event wire.Event
		if err = proto.Unmarshal(r.Payload, &event); err == nil {
			line.Event, err = protojson.Marshal(&event)
		}
	default:
		err = fmt.Errorf("type %d is not known to this version", r.Type)
	}
	if err != nil {
		line.Problem = err.Error()
	}
	return line
}

func lineOf(r device.Reading) readingLine {
	line := readingLine{Device: r.Device, Point: r.Point, Quality: r.Quality.String(), Reason: r.Reason.String(), At: r.Time.UnixMilli()}
	if !math.IsNaN(r.Value) && !math.IsInf(r.Value, 0) {
		line.Value = &r.Value
	}
	return line
}

func printSummary(w io.Writer, lang config.Language, s outbox.Summary) {
	say := speaker(lang)
	fmt.Fprintf(w, say("%s  纪元 %016x  记录 %d–%d（%d 条，%d 字节）  已确认到 %d\n", "%s  epoch %016x  records %d–%d (%d, %d bytes)  acknowledged to %d\n"),
		wire.StreamName(s.Stream), s.Epoch, s.Oldest, s.Next-1, s.Records, s.Bytes, s.Acked)
	for _, segment := range s.Segments {
		fmt.Fprintf(w, say("  %s  %d–%d  %d 字节", "  %s  %d–%d  %d bytes"), segment.Name, segment.First, segment.Last, segment.Bytes)
		if segment.Damaged > 0 {
			fmt.Fprintf(w, say("  损坏 %d 字节", "  %d bytes damaged"), segment.Damaged)
		}
		fmt.Fprintln(w, "  "+problemOf(lang, segment.Problem))
	}
	printHoles(w, lang, s.Holes)
}

func printHoles(w io.Writer, lang config.Language, holes []outbox.Gap) {
	for _, hole := range holes {
		fmt.Fprintf(w, speaker(lang)("  缺 %d–%d：%s\n", "  missing %d–%d: %s\n"), hole.First, hole.Last, reasonOf(lang, hole.Reason))
	}
}

// noLog says that a folder holds no log, and which of its folders do.
func noLog(lang config.Language, dir string) error {
	say := speaker(lang)
	if dirs, err := logFolders(dir); err == nil && len(dirs) > 0 {
		return fmt.Errorf(say("%s 里没有日志，日志在它的子文件夹里：%s", "there is no log in %s itself; its folders hold them: %s"), dir, strings.Join(dirs, " "))
	}
	return fmt.Errorf(say("%s 里没有日志", "there is no log in %s"), dir)
}

// problemOf is why a file is not read, for people; what a system said stays as it is.
func problemOf(lang config.Language, problem string) string {
	zh := map[string]string{"no segment header": "没有文件头", "segment header is damaged": "文件头损坏"}
	if text := zh[problem]; text != "" && lang == config.Chinese {
		return text
	}
	return problem
}

// reasonOf is why records are missing, for people.
func reasonOf(lang config.Language, reason string) string {
	zh := map[string]string{outbox.ReasonDamaged: "损坏", outbox.ReasonMissing: "文件缺失或被截短", outbox.ReasonSkipped: "编号被跳过，本无记录",
		outbox.ReasonEvicted: "为腾出空间已删除", outbox.ReasonPowerCut: "断电，编号被跳过", outbox.ReasonWrite: "写入失败", outbox.ReasonRestored: "从副本恢复"}
	en := map[string]string{outbox.ReasonMissing: "a file is missing or was cut short", outbox.ReasonSkipped: "numbers skipped, there was no record",
		outbox.ReasonEvicted: "deleted to make room", outbox.ReasonPowerCut: "power cut, numbers skipped", outbox.ReasonWrite: "could not be written", outbox.ReasonRestored: "restored from a copy"}
	text := en[reason]
	if lang == config.Chinese {
		text = zh[reason]
	}
	return cmp.Or(text, reason)
}

// speaker picks the sentence of a language; both take the same arguments in the same order.
func speaker(lang config.Language) func(zh, en string) string {
	return func(zh, en string) string {
		if lang == config.Chinese {
			return zh
		}
		return en
	}
}
