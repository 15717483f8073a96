package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// orgCmd are the commands around the tree of the organisation.
type orgCmd struct {
	Import  orgImportCmd  `cmd:"" help:"Bring a CSV or YAML file into the tree. What is wrong is told by line and column and left out; the rest is taken."`
	Export  orgExportCmd  `cmd:"" help:"Write the tree, or a part of it, to standard output, with whole phone numbers: a file that can be imported again."`
	Tree    orgTreeCmd    `cmd:"" help:"Show the tree and who is responsible today."`
	Outline orgOutlineCmd `cmd:"" help:"Bring outlines of nodes and positions of sites from a GeoJSON file into the maps. With a mistake nothing is taken."`
	Plan    orgPlanCmd    `cmd:"" help:"Plans of sites (平面图): bring them from a YAML file, or write them to one."`
	Duty    orgDutyCmd    `cmd:"" help:"Show who is on duty at a node: by its roster, that of a node above, or because they answer for it."`
}

// speech is the language of an answer.
type speech struct {
	Lang string `help:"Language of messages: zh or en. Default: that of LANG." enum:"zh,en," default:""`
}

func (s speech) say(t rules.Text) string {
	for _, word := range []string{s.Lang, os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")} {
		switch {
		case strings.HasPrefix(word, "zh"):
			return t.ZH
		case word != "":
			return t.EN
		}
	}
	return t.EN
}

func (s speech) sayf(zh, en string, args ...any) string {
	return s.say(rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)})
}

// bringing reads the configuration and the file that an import brings.
func bringing(config, file string) (app.Config, []byte, error) {
	cfg, err := app.Load(config)
	if err != nil {
		return cfg, nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return cfg, nil, fmt.Errorf("read %s: %w", file, err)
	}
	return cfg, data, nil
}

type orgImportCmd struct {
	speech
	File    string `arg:"" help:"File ending in .csv, .yaml or .yml." type:"existingfile"`
	DryRun  bool   `help:"Only tell what would change."`
	Strict  bool   `help:"Take nothing when there is a mistake."`
	Replace bool   `help:"The file is the whole tree: what it lacks is removed. Implies --strict."`
	By      string `help:"Who does it, for the journal. Default: the user of this machine."`
	Config  string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run imports a file.
func (c *orgImportCmd) Run(ctx context.Context) error {
	cfg, data, err := bringing(c.Config, c.File)
	if err != nil {
		return err
	}
	if u, err := user.Current(); err == nil && c.By == "" {
		c.By = u.Username
	}
	r, err := app.ImportOrg(ctx, cfg, tree.Parse(c.File, data), tree.Options{Strict: c.Strict, Replace: c.Replace, DryRun: c.DryRun, By: c.By, Now: time.Now()})
	if err != nil {
		return err
	}
	for _, p := range r.Problems {
		at := c.File
		if p.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", c.File, p.Line, p.Col)
		}
		fmt.Fprintln(os.Stderr, at+": "+c.say(p.Text))
	}
	if c.DryRun {
		for _, ch := range r.Changes {
			c.change(os.Stdout, ch)
		}
	}
	return c.sum(r)
}

// change prints one change on a line.
func (c *orgImportCmd) change(w io.Writer, ch tree.Change) {
	fmt.Fprintf(w, "%c %s %s %s", ch.Op, c.say(ch.Record), ch.ID, ch.Title)
	for i, f := range ch.Fields {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(w, "%s%s %q → %q", sep, c.say(f.Column), f.Was, f.Now)
	}
	fmt.Fprintln(w)
}

func (c *orgImportCmd) sum(r tree.Result) error {
	if r.Nothing {
		return errors.New(c.sayf("共 %d 条，有 %d 处错误：什么都没有改", "%d records, mistakes: %d; nothing was changed", r.Records, len(r.Problems)))
	}
	head := c.sayf("共 %d 条，采用 %d 条", "%d records, %d taken", r.Records, r.Records-r.Refused)
	if c.DryRun {
		head = c.sayf("试运行，什么都没有改：共 %d 条，会采用 %d 条", "dry run, nothing was changed: %d records, %d would be taken", r.Records, r.Records-r.Refused)
	}
	fmt.Println(head + c.sayf("（新增 %d，修改 %d，不变 %d），未采用 %d 条，删除 %d 条", " (%d added, %d changed, %d the same), %d left out, %d removed",
		r.Added, r.Changed, r.Same, r.Refused, r.Removed))
	return nil
}

type orgExportCmd struct {
	speech
	CSV    bool   `name:"csv" xor:"form" help:"As CSV, with heads in the language; the default."`
	YAML   bool   `name:"yaml" xor:"form" help:"As YAML."`
	Node   string `help:"This node and all below it. Its parent is named in the file and must be there when that is imported."`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run exports the tree.
func (c *orgExportCmd) Run(ctx context.Context) error {
	nodes, err := nodesOf(ctx, c.speech, c.Config, c.Node)
	if err != nil {
		return err
	}
	if c.YAML {
		return tree.WriteYAML(os.Stdout, nodes)
	}
	return tree.WriteCSV(os.Stdout, nodes, c.say)
}

type orgTreeCmd struct {
	speech
	Node   string `arg:"" optional:"" help:"This node and all below it."`
	Phones bool   `help:"Show whole phone numbers."`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run shows the tree.
func (c *orgTreeCmd) Run(ctx context.Context) error {
	nodes, err := nodesOf(ctx, c.speech, c.Config, c.Node)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		fmt.Println(c.sayf("还没有节点，用 cloud org import 导入", "there are no nodes yet; cloud org import brings them in"))
	}
	if !c.Phones {
		nodes = tree.Masked(nodes)
	}
	for _, n := range nodes {
		c.node(os.Stdout, n)
	}
	return nil
}

func (c *orgTreeCmd) node(w io.Writer, n tree.Node) {
	indent := strings.Repeat("  ", n.Depth)
	fmt.Fprintf(w, "%s%s %s [%s]", indent, n.Kind, n.Name, n.ID)
	if n.Dedicated {
		fmt.Fprint(w, c.sayf("（专属）", " (dedicated)"))
	}
	if len(n.Sites) > 0 {
		fmt.Fprint(w, c.sayf(" 站点 %s", " sites %s", strings.Join(n.Sites, " ")))
	}
	switch d := n.Responsible; {
	case d == nil:
		fmt.Fprint(w, c.sayf(" · 无人负责", " · nobody is responsible"))
	case d.Node != n.ID:
		fmt.Fprint(w, c.sayf(" · 由 %s 负责（%s）", " · %s (of %s)", d.Name, d.Node))
	case d.As == "deputy":
		fmt.Fprint(w, c.sayf(" · 代理人 %s %s", " · deputy %s %s", d.Name, d.Phone))
	default:
		fmt.Fprint(w, c.sayf(" · 责任人 %s %s", " · owner %s %s", d.Name, d.Phone))
	}
	fmt.Fprintln(w)
	for _, e := range n.Entries {
		parts := []string{e.Kind, e.Name, e.Phone, e.Position}
		if e.Record == tree.ResourceRecord {
			parts = append(parts, fmt.Sprintf("×%d", e.Stock))
		}
		fmt.Fprintln(w, indent+"    - "+strings.Join(strings.Fields(strings.Join(parts, " ")), " "))
	}
}

func nodesOf(ctx context.Context, s speech, config, node string) ([]tree.Node, error) {
	cfg, err := app.Load(config)
	if err != nil {
		return nil, err
	}
	nodes, err := app.Org(ctx, cfg, node, time.Now())
	if errors.Is(err, org.ErrUnknown) {
		return nil, errors.New(s.sayf("没有节点 %s", "there is no node %s", node))
	}
	return nodes, err
}
