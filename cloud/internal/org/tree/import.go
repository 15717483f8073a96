package tree

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/rules"
)

// Options of an import.
type Options struct {
	Strict  bool // a file with a mistake changes nothing
	Replace bool // what the file lacks is removed; implies Strict
	DryRun  bool // only tell what would change
	By      string
	Now     time.Time
}

// A Field is a column that an import changes; phone numbers are masked.
type Field struct {
	Column   rules.Text
	Was, Now string
}

// A Change is what an import does to one node or entry.
type Change struct {
	Op     byte // + added, ~ changed, - removed
	Record rules.Text
	ID     string // of the node, or of the entry's node
	Title  string // kind and name
	Fields []Field
}

// Result is what an import did, or would do.
type Result struct {
	Records                       int // of the file
	Added, Changed, Removed, Same int
	Refused                       int  // records left out
	Nothing                       bool // a mistake kept everything out, as asked
	Problems                      []Problem
	Changes                       []Change
}

// Import brings a file into the tree in one transaction, with an entry in the journal when something changes. Without
// Strict, what is wrong is left out with all below it, and the rest is taken.
func Import(ctx context.Context, d *db.DB, f *File, o Options) (Result, error) {
	if o.DryRun {
		_, r, err := prepare(ctx, d.Reader(), f, o)
		return r, err
	}
	var r Result
	err := d.Update(ctx, func(tx *sql.Tx) error {
		p, result, err := prepare(ctx, tx, f, o)
		r = result
		if err != nil || r.Nothing || len(r.Changes) == 0 {
			return err
		}
		if err := p.write(ctx, tx); err != nil {
			return fmt.Errorf("import %s: %w", f.Name, err)
		}
		if err := org.Note(ctx, tx, org.Entry{At: o.Now, Kind: org.TreeImported, Text: text("%s 导入了组织树 %s：新增 %d，修改 %d，删除 %d，未采用 %d",
			"%s imported the tree of the organisation from %s: %d added, %d changed, %d removed, %d left out",
			o.By, filepath.Base(f.Name), r.Added, r.Changed, r.Removed, r.Refused)}); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{At: o.Now, Act: "org.import", Kind: "org", About: filepath.Base(f.Name), Detail: map[string]string{"added": strconv.Itoa(r.Added),
			"changed": strconv.Itoa(r.Changed), "removed": strconv.Itoa(r.Removed), "refused": strconv.Itoa(r.Refused)}})
	})
	return r, err
}

func prepare(ctx context.Context, q db.Querier, f *File, o Options) (*plan, Result, error) {
	have, err := Subtree(ctx, q, "")
	if err != nil && !errors.Is(err, org.ErrUnknown) {
		return nil, Result{}, err
	}
	p, r := judge(f, have, o)
	return p, r, nil
}

// Check answers what an import of the file would do to a tree of those nodes.
func Check(f *File, have []Node, o Options) Result {
	_, r := judge(f, have, o)
	return r
}

func judge(f *File, have []Node, o Options) (*plan, Result) {
	p := newPlan(f, have, o.Replace)
	r := Result{Records: len(f.rows), Problems: p.problems}
	for _, it := range p.items {
		if it.refused {
			r.Refused++
		}
	}
	if len(f.rows) == 0 || len(p.problems) > 0 && (o.Strict || o.Replace) {
		r.Refused, r.Nothing = len(f.rows), true
		return p, r
	}
	p.count(&r)
	return p, r
}

func (p *plan) count(r *Result) {
	for _, it := range p.items {
		was, known := p.old[it.line.key()]
		switch {
		case it.refused:
		case !known:
			r.Added++
			r.Changes = append(r.Changes, change('+', it.line, line{}))
		case was != it.line:
			r.Changed++
			r.Changes = append(r.Changes, change('~', it.line, was))
		default:
			r.Same++
		}
	}
	for _, l := range p.removed() {
		r.Removed++
		r.Changes = append(r.Changes, change('-', l, l))
	}
}

func change(op byte, l, was line) Change {
	c := Change{Op: op, Record: recordText(l[cRecord]), ID: l.where(), Title: l[cKind] + " " + l[cName]}
	if op == '~' {
		for i := range columns {
			if l[i] == was[i] {
				continue
			}
			f := Field{heads()[i], was[i], l[i]}
			if i == cPhone || i == cOwnerPhone || i == cDeputyPhone {
				f.Was, f.Now = Mask(f.Was), Mask(f.Now)
			}
			c.Fields = append(c.Fields, f)
		}
	}
	return c
}

// write removes first: a site may go from a node that goes to one that stays.
func (p *plan) write(ctx context.Context, tx *sql.Tx) error {
	w, err := newWriter(ctx, tx)
	if err != nil {
		return err
	}
	for _, l := range p.removed() {
		if err := w.remove(ctx, l); err != nil {
			return fmt.Errorf("remove %s of %s: %w", l[cRecord], l.where(), err)
		}
	}
	for _, it := range p.items {
		was := p.old[it.line.key()]
		if it.refused || was == it.line {
			continue
		}
		if err := w.put(ctx, it.line, was); err != nil {
			return fmt.Errorf("write %s of %s: %w", it.line[cRecord], it.line.where(), err)
		}
	}
	return nil
}
