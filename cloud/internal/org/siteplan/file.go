package siteplan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// A Sited is the plan of one site.
type Sited struct {
	Site string
	Plan Plan
}

// A File holds plans of some sites.
type File struct {
	Plans  []Sited
	source *configs.File
}

// form is the file as it is written.
type form struct {
	Plans []struct {
		Site   string  `yaml:"site"`
		Width  float64 `yaml:"width"`
		Height float64 `yaml:"height"`
		Shapes []Shape `yaml:"shapes"`
		Pins   []Pin   `yaml:"pins"`
	} `yaml:"plans"`
}

// Parse reads a YAML file of plans. The error is Mistakes with lines and columns.
func Parse(name string, data []byte) (*File, error) {
	source, err := configs.Parse(name, data)
	if err != nil {
		return nil, told(err)
	}
	var read form
	if err := source.Decode(&read); err != nil {
		return nil, told(err)
	}
	f, seen := &File{source: source}, map[string]bool{}
	var ms Mistakes
	if len(read.Plans) == 0 {
		ms.add("plans", "没有平面图：要有 plans: 和每个小区的 site、width、height、shapes", "it holds no plan: plans: is needed, and site, width, height and shapes of each")
	}
	for i, p := range read.Plans {
		at := fmt.Sprintf("plans[%d]", i)
		switch {
		case p.Site == "" || len(p.Site) > 80:
			ms.add(at, "缺少 site（站点编号）", "site is missing: the id of the site")
		case seen[p.Site]:
			ms.add(at+".site", "站点 %q 出现了两次", "site %q stands here twice", p.Site)
		}
		seen[p.Site] = true
		one := Sited{p.Site, Plan{p.Width, p.Height, p.Shapes, p.Pins}}
		for _, m := range one.Plan.Check() {
			m.Path = at + "." + m.Path
			ms = append(ms, m)
		}
		one.Plan = one.Plan.tidy()
		f.Plans = append(f.Plans, one)
	}
	if ms != nil {
		return nil, f.placed(ms)
	}
	return f, nil
}

// placed says of mistakes where in the file they are.
func (f *File) placed(ms Mistakes) Mistakes {
	for i := range ms {
		at := f.source.Problem("$."+ms[i].Path, "", "")
		ms[i].Line, ms[i].Col = at.Line, at.Col
	}
	return ms
}

// told makes mistakes of those that reading YAML finds.
func told(err error) error {
	ps, ok := errors.AsType[configs.Problems](err)
	if !ok {
		return err
	}
	var ms Mistakes
	for _, p := range ps {
		zh, known := configs.InChinese(p.Message)
		if !known {
			zh = "YAML 语法错误：" + zh
		}
		hint, _ := configs.InChinese(p.Hint)
		t := rules.Text{ZH: zh, EN: p.Message}
		if p.Hint != "" {
			t = rules.Text{ZH: zh + "（" + hint + "）", EN: p.Message + " (" + p.Hint + ")"}
		}
		ms = append(ms, Mistake{Line: p.Line, Col: p.Col, Text: t})
	}
	return ms
}

// Write writes plans as a file that can be imported again.
func Write(w io.Writer, plans []Sited) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "plans:")
	for _, s := range plans {
		fmt.Fprintf(b, "  - site: %s\n    width: %s\n    height: %s\n", quote(s.Site), number(s.Plan.Width), number(s.Plan.Height))
		if len(s.Plan.Shapes) > 0 {
			fmt.Fprintln(b, "    shapes:")
		}
		for _, h := range s.Plan.Shapes {
			fmt.Fprintf(b, "      - {kind: %s, name: %s, x: %s, y: %s, w: %s, h: %s", h.Kind, quote(h.Name), number(h.X), number(h.Y), number(h.W), number(h.H))
			if h.Node != "" {
				fmt.Fprintf(b, ", node: %s", quote(h.Node))
			}
			if len(h.Places) > 0 {
				var all []string
				for _, p := range h.Places {
					all = append(all, quote(p))
				}
				fmt.Fprintf(b, ", places: [%s]", strings.Join(all, ", "))
			}
			fmt.Fprintln(b, "}")
		}
		if len(s.Plan.Pins) > 0 {
			fmt.Fprintln(b, "    pins:")
		}
		for _, p := range s.Plan.Pins {
			fmt.Fprintf(b, "      - {gateway: %s, device: %s, x: %s, y: %s}\n", quote(p.Gateway), quote(p.Device), number(p.X), number(p.Y))
		}
	}
	return b.Flush()
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// quote writes a text so that YAML takes it as nothing but that text; it holds no control characters.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
