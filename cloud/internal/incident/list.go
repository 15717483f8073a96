package incident

import (
	"context"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Page asks for a list of incidents, newest first unless it says otherwise. What is empty does not count.
type Page struct {
	In       tree.Scope // what lies there or was dispatched there; the zero Scope holds nothing
	Handling string
	Step     string
	Severity string
	Site     string
	Node     string // of the organisation, with all below it
	Assignee string // a person's name, a node, a team as node/name
	Mine     string // a person's name: assigned to, taken or reported by
	Category string
	Source   string
	Overdue  bool   // behind in the handling, or past the limit of its step
	Kind     string // of its device; of one that people reported: "report:" with the kind of the report
	Whistle  int    // 0: any
	From, To int64  // opened within, Unix ms; 0: no bound
	Quiet    bool   // put off, or shelved because it fires too often
	Text     string // in its number, title, message, site or device
	Now      int64  // Unix ms, for Overdue
	Limit    int
	Oldest   bool   // the oldest first
	Urgent   bool   // the most urgent first
	Before   string // cursor of the page before; empty: from the start
}

// where is a page's condition.
type where struct {
	parts []string
	args  []any
}

func (w *where) add(condition string, args ...any) {
	w.parts, w.args = append(w.parts, "("+condition+")"), append(w.args, args...)
}

func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

// within holds what lies in a scope, or was dispatched there.
func (w *where) within(s tree.Scope) {
	site, args := s.Sites("i.site")
	node, more := s.Nodes("i.node")
	to, again := s.Nodes("i.assignee")
	w.add(site+" OR i.node <> '' AND "+node+" OR i.assignee_kind = 'node' AND "+to, append(append(args, more...), again...)...)
}

func (p Page) where() where {
	var w where
	w.add("i.merged_into = ''") // it is shown as what it went into
	if !p.In.All() {
		w.within(p.In)
	}
	w.equal("i.handling", p.Handling)
	w.equal("i.step", p.Step)
	w.equal("i.severity", p.Severity)
	w.equal("i.site", p.Site)
	w.equal("i.assignee", p.Assignee)
	w.equal("i.category", p.Category)
	w.equal("i.source", p.Source)
	if p.Node != "" {
		w.within(tree.Below(p.Node))
	}
	if p.Mine != "" {
		w.add("i.assignee_kind = 'person' AND i.assignee = ? OR i.taken_by = ? OR i.reporter = ?", p.Mine, p.Mine, p.Mine)
	}
	if p.Overdue {
		w.add("i.handling <> 'closed' AND i.suspended_at = 0 AND (i.overdue > 0 OR i.step_due > 0 AND i.step_due < ?)", p.Now)
	}
	if report := strings.HasPrefix(p.Kind, "report:"); report {
		w.equal("i.rule", p.Kind)
	} else {
		w.equal("coalesce(d.kind, i.device)", p.Kind)
	}
	if p.Whistle > 0 {
		w.add("i.whistle = ?", p.Whistle)
	}
	if p.From > 0 {
		w.add("i.opened_at >= ?", p.From)
	}
	if p.To > 0 {
		w.add("i.opened_at < ?", p.To)
	}
	if p.Quiet {
		w.add("i.handling <> 'closed' AND (i.suspended_at > 0 OR EXISTS (SELECT 1 FROM incident_alerts q WHERE q.incident = i.id AND q.active = 1 AND q.shelved = 1))")
	}
	if p.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(p.Text)) + "%"
		var match []string
		var args []any
		for _, c := range []string{"i.id", "i.title_zh", "i.title_en", "i.message_zh", "coalesce(s.name, i.site)", "coalesce(d.name, i.device)", "coalesce(d.place, '')"} {
			match, args = append(match, "lower("+c+`) LIKE ? ESCAPE '\'`), append(args, like)
		}
		w.add(strings.Join(match, " OR "), args...)
	}
	return w
}

// List answers a page and the cursor of the next one, empty at the end.
func List(ctx context.Context, q db.Querier, p Page) (list []Incident, next string, err error) {
	o := newest()
	switch {
	case p.Urgent:
		o = mostUrgent()
	case p.Oldest:
		o = oldest()
	}
	w := p.where()
	if p.Before != "" {
		condition, args, err := o.after(p.Before)
		if err != nil {
			return nil, "", err
		}
		w.add(condition, args...)
	}
	if list, err = w.read(ctx, q, o, p.Limit+1); err != nil {
		return nil, "", err
	}
	if len(list) > p.Limit {
		list = list[:p.Limit]
		next = o.cursor(list[p.Limit-1])
	}
	return list, next, nil
}
