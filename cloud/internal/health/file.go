package health

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/configs"
)

// maxFile bounds a file of calibrations, in bytes.
const maxFile = 16 << 20

// ParseCalibrations reads a file by its name: YAML (calibrations: [{gateway, device, done, due, note}]) when that ends so, else CSV
// with a head in either language. Its mistakes are those of the form; what they are about is left out.
func ParseCalibrations(name string, data []byte) ([]Calibration, []Mistake) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case len(data) > maxFile:
		return nil, wrong(0, "文件太大", "the file is too large")
	case !utf8.Valid(data):
		return nil, wrong(0, "不是 UTF-8：请在 Excel 中另存为“CSV UTF-8”", "this is not UTF-8: in Excel, save as “CSV UTF-8”")
	case ext == ".yaml" || ext == ".yml":
		return parseYAML(name, data)
	}
	return parseCSV(data)
}

func wrong(line int, zh, en string, args ...any) []Mistake {
	return []Mistake{{line, incident.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}}}
}

func parseYAML(name string, data []byte) ([]Calibration, []Mistake) {
	f, err := configs.Parse(name, data)
	if err != nil {
		return nil, wrong(0, "YAML 语法错误：%v", "this is not YAML: %v", err)
	}
	var doc struct {
		Calibrations []Calibration `yaml:"calibrations"`
	}
	if err := f.Decode(&doc); err != nil {
		var ps configs.Problems
		var out []Mistake
		if errors.As(err, &ps) {
			for _, p := range ps {
				out = append(out, wrong(p.Line, "%s", "%s", p.Message)...)
			}
			return nil, out
		}
		return nil, wrong(0, "%v", "%v", err)
	}
	return doc.Calibrations, nil
}

// heads are the columns of a CSV file.
func heads() [5][2]string {
	return [...][2]string{{"gateway", "网关"}, {"device", "设备"}, {"done", "校准日期"}, {"due", "到期日期"}, {"note", "备注"}}
}

func parseCSV(data []byte) (list []Calibration, mistakes []Mistake) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	var at [5]int
	for first := true; len(list) <= mostCalibrations; {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			if first {
				mistakes = wrong(1, "文件是空的", "the file is empty")
			}
			return list, mistakes
		}
		if err != nil { // what stands behind a lost quote cannot be told apart
			return list, append(mistakes, wrong(0, "CSV 有错：%v", "this is not CSV: %v", err)...)
		}
		line, _ := r.FieldPos(0)
		if first {
			first = false
			if at, mistakes = columns(fields); mistakes != nil {
				return nil, mistakes
			}
			continue
		}
		var c [5]string
		for i, column := range at {
			if column >= 0 && column < len(fields) {
				c[i] = strings.TrimSpace(fields[column])
			}
		}
		if c != [5]string{} {
			list = append(list, Calibration{c[0], c[1], c[2], c[3], c[4], line})
		}
	}
	return list, mistakes
}

// columns finds where each column stands; -1: a note may be missing.
func columns(fields []string) (at [5]int, mistakes []Mistake) {
	for i, head := range heads() {
		at[i] = slices.IndexFunc(fields, func(f string) bool {
			f = strings.TrimSpace(f)
			return strings.EqualFold(f, head[0]) || f == head[1]
		})
		if at[i] < 0 && head[0] != "note" {
			mistakes = append(mistakes, wrong(1, "缺少列 %[2]s", "column %[1]s is missing", head[0], head[1])...)
		}
	}
	return at, mistakes
}
