package replay

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// A Mistake is one line of a file that cannot be used. Line 0 is the file as a whole.
type Mistake struct {
	Line int
	Text rules.Text
}

// Mistakes are the first of a file's, and how many there are.
type Mistakes struct {
	List  []Mistake
	Total int
}

// mostMistakes are told; after so many, one more helps nobody.
const mostMistakes = 20

func (m *Mistakes) add(line int, zh, en string, args ...any) {
	if m.Total++; len(m.List) < mostMistakes {
		m.List = append(m.List, Mistake{line, rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}})
	}
}

// A Table is a CSV file as a source: columns time, device, point, value and perhaps unit, quality, reason, in any order, named by
// the first line. It holds all of the file in memory, 24 bytes a line, because the lines may have any order.
type Table struct {
	sort     *sorter
	samples  []sample
	lines    uint64
	at       []int // of the columns in a line; -1: the file has none
	width    int   // of a line, in columns
	mistakes Mistakes
}

// columns of a CSV file, in the order of their numbers here.
var columnNames = [...]string{"time", "device", "point", "value", "unit", "quality", "reason"}

const (
	colTime = iota
	colDevice
	colPoint
	colValue
	colUnit
	colQuality
	colReason
)

// ReadCSV reads a whole file. Times without a zone are of the given one. Nothing is left out in silence: a line that cannot be used
// is a mistake, and with any mistake there is no table. The error is the reader's.
func ReadCSV(in io.Reader, devices []device.Device, zone *time.Location) (*Table, Mistakes, error) {
	t := &Table{sort: newSorter(devices)}
	points := map[device.Key]device.Point{}
	for _, d := range devices {
		for _, p := range d.Points {
			points[p.Key()] = p
		}
	}
	if err := eachLine(in, &t.mistakes, func(line int, row []string) bool {
		if t.at == nil {
			t.at, t.width = t.head(row), len(row)
			return t.mistakes.Total == 0
		}
		t.lines++
		t.row(line, row, points, zone)
		return true
	}); err != nil {
		return nil, t.mistakes, err
	}
	switch {
	case t.mistakes.Total > 0:
	case t.at == nil:
		t.mistakes.add(0, "文件是空的：第一行应是 time,device,point,value[,unit,quality,reason]", "the file is empty: the first line should be time,device,point,value[,unit,quality,reason]")
	case t.lines == 0:
		t.mistakes.add(0, "没有一行数据；第一行是 time,device,point,value[,unit,quality,reason]，以下每行一个读数", "there is no line of data; the first line is time,device,point,value[,unit,quality,reason], below it a reading a line")
	}
	if t.mistakes.Total > 0 {
		return nil, t.mistakes, nil
	}
	slices.SortStableFunc(t.samples, func(a, b sample) int {
		switch {
		case a.ms < b.ms:
			return -1
		case a.ms > b.ms:
			return 1
		}
		return 0
	})
	return t, t.mistakes, nil
}

// skipMark leaves out the mark that spreadsheets put before UTF-8.
func skipMark(in io.Reader) io.Reader {
	b := bufio.NewReader(in)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = b.Discard(3) // they are there
	}
	return b
}

// eachLine walks through the lines of a CSV file until f answers false. A line that is no CSV is a mistake.
func eachLine(in io.Reader, mistakes *Mistakes, f func(line int, row []string) bool) error {
	file := csv.NewReader(skipMark(in))
	file.FieldsPerRecord, file.ReuseRecord, file.TrimLeadingSpace = -1, true, true
	for {
		row, err := file.Read()
		var parse *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &parse):
			mistakes.add(parse.Line, "不是合法的 CSV：%v", "is no CSV: %v", parse.Err)
			continue
		case err != nil:
			return fmt.Errorf("read CSV: %w", err)
		}
		if line, _ := file.FieldPos(0); !f(line, row) {
			return nil
		}
	}
}

// head finds the columns by their names.
func (t *Table) head(row []string) []int {
	found := []int{-1, -1, -1, -1, -1, -1, -1}
	for i, word := range row {
		n := slices.Index(columnNames[:], strings.ToLower(strings.TrimSpace(word)))
		switch {
		case n < 0:
			t.mistakes.add(1, "不认识的列 %q；可用的列：%s", "column %q is not known; there are %s", word, strings.Join(columnNames[:], " "))
		case found[n] >= 0:
			t.mistakes.add(1, "列 %q 出现两次", "column %q is there twice", word)
		default:
			found[n] = i
		}
	}
	for n := colTime; n <= colValue; n++ {
		if found[n] < 0 {
			t.mistakes.add(1, "第一行缺少列 %q；应有 time,device,point,value[,unit,quality,reason]", "the first line lacks the column %q; it should be time,device,point,value[,unit,quality,reason]", columnNames[n])
		}
	}
	return found
}

// row takes one line in.
func (t *Table) row(line int, row []string, points map[device.Key]device.Point, zone *time.Location) {
	cell := func(n int) string {
		if i := t.at[n]; i >= 0 {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	if len(row) != t.width {
		t.mistakes.add(line, "有 %d 列，第一行有 %d 列", "has %d columns, the first line has %d", len(row), t.width)
		return
	}
	key := device.Key{Device: cell(colDevice), Point: cell(colPoint)}
	p, known := points[key]
	ms, timed := readTime(cell(colTime), zone)
	switch {
	case !timed:
		t.mistakes.add(line, "看不懂时间 %q：写 2026-11-22 18:30:05、2026-11-22T18:30:05+08:00 或 Unix 毫秒", "cannot read the time %q: write 2026-11-22 18:30:05, 2026-11-22T18:30:05+08:00 or Unix milliseconds", cell(colTime))
		return
	case !known:
		t.unknown(line, key, points)
		return
	case cell(colUnit) != "" && cell(colUnit) != p.Unit:
		t.mistakes.add(line, "%s.%s 的单位是 %q，不是 %q：先换算再回放", "%s.%s comes in %q, not in %q: convert it first", key.Device, key.Point, p.Unit, cell(colUnit))
		return
	}
	value, status, ok := t.value(line, cell(colValue), cell(colQuality), cell(colReason))
	if ok {
		t.samples = append(t.samples, sample{ms: ms, value: value, series: t.sort.of(p.Key()), status: status})
	}
}

func (t *Table) unknown(line int, key device.Key, points map[device.Key]device.Point) {
	var names, devices []string
	for k := range points {
		if k.Device == key.Device {
			names = append(names, k.Point)
		}
		devices = append(devices, k.Device)
	}
	if len(names) > 0 {
		slices.Sort(names)
		t.mistakes.add(line, "设备 %s 没有点位 %q，它有：%s", "device %s has no point %q; it has %s", key.Device, key.Point, strings.Join(names, " "))
		return
	}
	slices.Sort(devices)
	devices = slices.Compact(devices)
	more := ""
	if len(devices) > 12 {
		devices, more = devices[:12], " …"
	}
	t.mistakes.add(line, "站点没有设备 %q；有：%s", "the site has no device %q; it has %s", key.Device, strings.Join(devices, " ")+more)
}

// value reads value, quality and reason of a line. No value is bad; a value without a quality is good.
func (t *Table) value(line int, text, quality, reason string) (value float64, status uint8, ok bool) {
	why, known := device.ParseReason(reason)
	if !known {
		t.mistakes.add(line, "不认识的原因 %q", "reason %q is not known", reason)
		return 0, 0, false
	}
	q := device.Good
	switch quality {
	case "":
		if text == "" {
			q = device.Bad
		}
	case device.Good.String(), device.Uncertain.String(), device.Bad.String():
		q = map[string]device.Quality{"good": device.Good, "uncertain": device.Uncertain, "bad": device.Bad}[quality]
	default:
		t.mistakes.add(line, "不认识的质量 %q：good、uncertain 或 bad", "quality %q is not known: good, uncertain or bad", quality)
		return 0, 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	switch {
	case q == device.Bad:
		value = math.NaN()
		if why == device.ReasonNone {
			why = device.NotRead
		}
	case text == "":
		t.mistakes.add(line, "质量是 %s，却没有值", "quality is %s, and there is no value", quality)
		return 0, 0, false
	case err != nil || math.IsNaN(value) || math.IsInf(value, 0):
		t.mistakes.add(line, "%q 不是数", "%q is no number", text)
		return 0, 0, false
	}
	return value, uint8(q)<<6 | uint8(why), true
}

// readTime reads a wall time, or Unix milliseconds. Years beyond 2000 to 2199 are typing mistakes.
func readTime(text string, zone *time.Location) (ms int64, ok bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006/1/2 15:04:05", "2006/1/2 15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UnixMilli(), believable(t)
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && believable(time.UnixMilli(n))
}

func believable(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2200 }

// Span is when the first and the last reading were read.
func (t *Table) Span() (first, last time.Time) {
	return at(t.samples[0].ms), at(t.samples[len(t.samples)-1].ms)
}

// Cut leaves out what was read before or after.
func (t *Table) Cut(from, to time.Time) {
	t.samples = slices.DeleteFunc(t.samples, func(x sample) bool { return x.ms < from.UnixMilli() || x.ms > to.UnixMilli() })
}

// Stats of the file.
func (t *Table) Stats() Stats {
	return Stats{Points: len(t.sort.series), Samples: uint64(len(t.samples)), Records: t.lines}
}

// sheetLines is how many lines become a sheet.
const sheetLines = 16 << 10

// Sheets are the lines in the order of their times. A silence is no hole: a file may hold a reading each quarter of an hour.
func (t *Table) Sheets(fresh func() *Sheet) iter.Seq2[*Sheet, error] {
	return func(yield func(*Sheet, error) bool) {
		for rest := t.samples; len(rest) > 0; {
			n := min(sheetLines, len(rest))
			t.sort.in = append(t.sort.in, rest[:n]...)
			until := rest[n-1].ms - heldBack
			if rest = rest[n:]; len(rest) == 0 {
				until = math.MaxInt64
			}
			s := fresh()
			t.sort.flush(s, until)
			if !yield(s, nil) {
				return
			}
		}
	}
}
