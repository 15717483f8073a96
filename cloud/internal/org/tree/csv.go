package tree

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/cloud/internal/sheet"
	"github.com/linshao/linshao/rules"
)

// maxSyntax bounds the told mistakes of quoting: a lost quote makes many.
const maxSyntax = 100

func (f *File) parseCSV(data []byte) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	var cols []column
	for syntax := 0; len(f.rows) <= maxRows; {
		fields, err := r.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			if cols == nil {
				f.add(1, 1, text("文件是空的", "the file is empty"))
			}
			return
		case errors.As(err, &bad):
			f.add(bad.Line, bad.Column, text("引号不对：含逗号、引号或换行的内容要放进双引号，里面的引号写两遍",
				"wrong quotes: what holds a comma, a quote or a line's end stands in double quotes, a quote in it twice"))
			if syntax++; cols == nil || syntax == maxSyntax {
				f.rows = nil
				return
			}
			// It counts as a record, so that the numbers of the import are those of the file.
			f.rows = append(f.rows, row{line: bad.StartLine, col: 1, broken: true})
		case err != nil:
			f.add(0, 0, text("读不了：%v", "cannot be read: %v", err))
			return
		case cols == nil:
			if cols = f.header(r, fields); cols == nil {
				return
			}
		default:
			f.record(r, cols, fields)
		}
	}
}

// header answers which column stands where; nil when the file cannot be understood.
func (f *File) header(r *csv.Reader, fields []string) []column {
	var known []string
	for _, h := range heads() {
		known = append(known, h.EN, h.ZH)
	}
	seen, ok := [columns]bool{}, true
	cols := make([]column, len(fields))
	for i, head := range fields {
		l, col := r.FieldPos(i)
		c, found := columnOf(strings.TrimSpace(head))
		switch {
		case !found:
			f.add(l, col, unknown(strings.TrimSpace(head), known))
			ok = false
		case seen[c]:
			f.add(l, col, text("列 %q 出现了两次", "column %q stands here twice", head))
			ok = false
		}
		seen[c] = found
		cols[i] = c
	}
	for _, c := range []column{cKind, cName} {
		if ok && !seen[c] {
			f.add(1, 1, text("缺少列 %[2]q", "column %[1]q is missing", heads()[c].EN, heads()[c].ZH))
			ok = false
		}
	}
	if !ok {
		return nil
	}
	return cols
}

func (f *File) record(r *csv.Reader, cols []column, fields []string) {
	l, col := r.FieldPos(0)
	out := row{line: l, col: col}
	empty := true
	for i, field := range fields {
		l, col := r.FieldPos(i)
		if i >= len(cols) {
			if strings.TrimSpace(field) == "" {
				continue
			}
			f.add(l, col, text("这一行有 %d 个格，表头只有 %d 列", "this line has %d fields, the header %d", len(fields), len(cols)))
			out.broken, empty = true, false
			break
		}
		v := sheet.Plain(strings.TrimSpace(field))
		out.cells[cols[i]] = cell{v, l, col}
		empty = empty && v == ""
	}
	if !empty { // Excel leaves lines of commas alone
		f.rows = append(f.rows, out)
	}
}

// WriteCSV writes nodes as a file that can be imported again, with a mark by which Excel knows UTF-8, and heads in the
// language. No cell runs in a spreadsheet as a formula.
func WriteCSV(w io.Writer, nodes []Node, lang func(rules.Text) string) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	var head []string
	for _, h := range heads() {
		head = append(head, lang(h))
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, n := range nodes {
		for _, l := range n.lines() {
			l[cRecord] = lang(recordText(l[cRecord]))
			if l[cDedicated] != "" {
				l[cDedicated] = lang(rules.Text{ZH: "是", EN: "yes"})
			}
			if m := l[cMode]; m != "" {
				l[cMode] = lang(rules.Text{ZH: map[string]string{shift.Ordinary: "平", shift.Emergency: "急"}[m], EN: m})
			}
			for i, cell := range l {
				l[i] = sheet.Safe(cell)
			}
			if err := out.Write(l[:]); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}
