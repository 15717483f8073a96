package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

type logCmd struct {
	Inspect logInspectCmd `cmd:"" help:"Read a log offline, without changing it: what is there, what is missing."`
	Verify  logVerifyCmd  `cmd:"" help:"Read every record of every log offline: what is damaged, and what a start would do about it."`
	Repair  logRepairCmd  `cmd:"" help:"Do offline what a start does: move damage aside. Nothing that is intact is deleted."`
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
		return exit{exitDevice, fmt.Errorf("there is no log in %s", c.Dir)}
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
		fmt.Fprintln(w, "  "+segment.Problem)
	}
	printHoles(w, lang, s.Holes)
}

func printHoles(w io.Writer, lang config.Language, holes []outbox.Gap) {
	for _, hole := range holes {
		fmt.Fprintf(w, speaker(lang)("  缺 %d–%d：%s\n", "  missing %d–%d: %s\n"), hole.First, hole.Last, reasonOf(lang, hole.Reason))
	}
}

// reasonOf is why records are missing, for people.
func reasonOf(lang config.Language, reason string) string {
	zh := map[string]string{outbox.ReasonDamaged: "损坏", outbox.ReasonMissing: "文件缺失或被截短", outbox.ReasonSkipped: "编号被跳过，本无记录",
		outbox.ReasonEvicted: "为腾出空间已删除", outbox.ReasonPowerCut: "断电，编号被跳过", outbox.ReasonWrite: "写入失败", outbox.ReasonRestored: "从副本恢复"}
	if text := zh[reason]; text != "" && lang == config.Chinese {
		return text
	}
	return reason
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
