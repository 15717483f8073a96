package tree

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// Limits of a file, far above a street's.
const (
	maxFile = 16 << 20 // bytes
	maxRows = 100_000
)

// A Problem is one mistake at one place of a file.
type Problem struct {
	Line, Col int // from 1; 0 when it is about the whole file
	Text      rules.Text
}

// A File is what a file of the tree says, with its mistakes; it has not been held against the tree yet.
type File struct {
	Name     string
	rows     []row
	problems []Problem
	lines    [][]byte // of CSV, whose columns are counted in bytes
}

// row is one record of a file as it stands there.
type row struct {
	line, col int
	cells     [columns]cell
	broken    bool // a mistake of it has been told already
}

type cell struct {
	text      string
	line, col int
}

// at is the place of a column, or of the row when it lacks the column.
func (r row) at(c column) (line, col int) {
	if r.cells[c].line == 0 {
		return r.line, r.col
	}
	return r.cells[c].line, r.cells[c].col
}

func text(zh, en string, args ...any) rules.Text {
	return rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
}

func (f *File) add(line, col int, t rules.Text) {
	f.problems = append(f.problems, Problem{line, col, t})
}

// Parse reads a file by its name: YAML when that ends so, else CSV. Mistakes are in the file that it answers.
func Parse(name string, data []byte) *File {
	f := &File{Name: name}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > maxFile:
		f.add(0, 0, text("文件有 %d 字节，上限是 %d", "the file has %d bytes, the limit is %d", len(data), maxFile))
	case !utf8.Valid(data):
		at := invalid(data)
		f.add(at, 1, text("不是 UTF-8：请在 Excel 中另存为“CSV UTF-8”", "this is not UTF-8: in Excel, save as “CSV UTF-8”"))
	case yamlName(name):
		f.parseYAML(data)
	default:
		f.lines = bytes.Split(data, []byte("\n"))
		f.parseCSV(data)
	}
	if len(f.rows) > maxRows {
		f.rows = nil
		f.add(0, 0, text("文件超过 %d 行", "the file has more than %d records", maxRows))
	}
	return f
}

// placed answers the problem with its column counted in characters.
func (f *File) placed(p Problem) Problem {
	if p.Line > 0 && p.Line <= len(f.lines) && p.Col > 0 {
		l := f.lines[p.Line-1]
		p.Col = 1 + utf8.RuneCount(l[:min(p.Col-1, len(l))])
	}
	return p
}

func yamlName(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

// invalid is the first line that is not UTF-8.
func invalid(data []byte) int {
	n := 1
	for l := range bytes.Lines(data) {
		if !utf8.Valid(l) {
			break
		}
		n++
	}
	return n
}

// columnOf is the column of a head in either language.
func columnOf(head string) (column, bool) {
	for c, t := range heads() {
		if strings.EqualFold(head, t.EN) || head == t.ZH {
			return column(c), true
		}
	}
	return 0, false
}

// unknown is what is said of a head or key that nobody knows.
func unknown(word string, known []string) rules.Text {
	if near := configs.Nearest(word, known); near != "" {
		return text("不认识 %q，是不是 %q？", "%q is not known; did you mean %q?", word, near)
	}
	return text("不认识 %q", "%q is not known", word)
}
