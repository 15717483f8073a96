package tree

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/linshao/linshao/rules"
)

func (f *File) parseYAML(data []byte) {
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		var ye yaml.Error
		line, col, said := 0, 0, err.Error()
		if errors.As(err, &ye) {
			line, col = place(ye.GetToken())
			said = ye.GetMessage()
		}
		f.add(line, col, text("YAML 语法错误：%s", "this is not YAML: %s", said))
		return
	}
	var top ast.Node
	for _, doc := range tree.Docs {
		if doc.Body != nil && top == nil {
			top = doc.Body
		} else if doc.Body != nil {
			f.add(line0(doc.Body), 1, text("一个文件只能有一份 YAML", "one file holds one YAML document"))
			return
		}
	}
	if top == nil {
		f.add(1, 1, text("文件是空的", "the file is empty"))
		return
	}
	for _, p := range f.pairs(nil, top, "nodes") {
		for _, n := range f.items(nil, p.Value) {
			f.yamlNode(n)
		}
	}
}

// yamlNode takes one node of the list, and the entries that stand in it.
func (f *File) yamlNode(n ast.Node) {
	r := row{}
	r.line, r.col = start(n)
	r.cells[cRecord] = cell{NodeRecord, r.line, r.col}
	var entries []row
	for _, p := range f.pairs(&r, n, "id", "parent", "kind", "name", "sites", "dedicated", "owner", "deputy", "handover", "contacts", "teams", "resources", "shifts", "patrols") {
		key := p.Key.GetToken().Value
		switch key {
		case "sites":
			f.yamlSites(&r, p.Value)
		case "owner":
			f.inner(&r, p.Value, map[string]column{"name": cOwner, "phone": cOwnerPhone})
		case "deputy":
			f.inner(&r, p.Value, map[string]column{"name": cDeputy, "phone": cDeputyPhone})
		case "handover":
			f.inner(&r, p.Value, map[string]column{"from": cFrom, "to": cTo})
		case "contacts", "teams", "resources", "shifts":
			for _, item := range f.items(&r, p.Value) {
				e := row{}
				e.line, e.col = start(item)
				e.cells[cRecord] = cell{strings.TrimSuffix(key, "s"), e.line, e.col}
				f.inner(&e, item, entryKeys(key))
				entries = append(entries, e)
			}
		case "patrols":
			entries = append(entries, f.yamlPatrols(&r, p.Value)...)
		default:
			c, _ := columnOf(key)
			f.scalar(&r, c, p.Value)
		}
	}
	f.rows = append(f.rows, r)
	for _, e := range entries {
		e.cells[cParent] = cell{r.cells[cID].text, e.line, e.col}
		f.rows = append(f.rows, e)
	}
}

// yamlPatrols takes the plans of a node with their points, which keep the order of the file.
func (f *File) yamlPatrols(r *row, n ast.Node) []row {
	var out []row
	for _, item := range f.items(r, n) {
		plan := row{}
		plan.line, plan.col = start(item)
		plan.cells[cRecord] = cell{PatrolRecord, plan.line, plan.col}
		var points []row
		for _, p := range f.pairs(&plan, item, "name", "role", "days", "hours", "minutes", "points") {
			switch key := p.Key.GetToken().Value; key {
			case "points":
				for i, one := range f.items(&plan, p.Value) {
					e := row{}
					e.line, e.col = start(one)
					e.cells[cRecord] = cell{PointRecord, e.line, e.col}
					e.cells[cOrder] = cell{strconv.Itoa(i + 1), e.line, e.col}
					f.inner(&e, one, map[string]column{"name": cName, "position": cPosition, "code": cCode, "checks": cChecks})
					points = append(points, e)
				}
			case "role":
				f.scalar(&plan, cKind, p.Value)
			default:
				c, _ := columnOf(key)
				f.scalar(&plan, c, p.Value)
			}
		}
		for i := range points {
			points[i].cells[cKind] = cell{plan.cells[cName].text, points[i].line, points[i].col}
		}
		out = append(append(out, plan), points...)
	}
	return out
}

// writePatrols writes the plans of a node.
func writePatrols(b io.Writer, list []Patrol) {
	if len(list) > 0 {
		fmt.Fprintln(b, "    patrols:")
	}
	for _, p := range list {
		fmt.Fprintf(b, "      - name: %s\n", quote(p.Name))
		keys(b, "        ", "role", p.Role, "days", p.Days, "hours", p.Hours)
		fmt.Fprintf(b, "        minutes: %d\n", p.Minutes)
		if len(p.Points) > 0 {
			fmt.Fprintln(b, "        points:")
		}
		for _, q := range p.Points {
			fmt.Fprintf(b, "          - name: %s\n", quote(q.Name))
			keys(b, "            ", "position", q.Position, "code", q.Code, "checks", strings.Join(q.Checks, "; "))
		}
	}
}

// entryKeys are the keys of one entry in a list of a node.
func entryKeys(list string) map[string]column {
	switch list {
	case "contacts":
		return map[string]column{"role": cKind, "name": cName, "phone": cPhone, "position": cPosition, "stock": cStock}
	case "shifts":
		return map[string]column{"role": cKind, "name": cName, "phone": cPhone, "mode": cMode, "days": cDays, "hours": cHours, "zone": cZone}
	}
	return map[string]column{"kind": cKind, "name": cName, "phone": cPhone, "position": cPosition, "stock": cStock}
}

// inner takes the keys of a mapping as columns.
func (f *File) inner(r *row, n ast.Node, keys map[string]column) {
	known := make([]string, 0, len(keys))
	for c := range columns { // in one order, for the words of a mistake
		for k, of := range keys {
			if of == c {
				known = append(known, k)
			}
		}
	}
	for _, p := range f.pairs(r, n, known...) {
		f.scalar(r, keys[p.Key.GetToken().Value], p.Value)
	}
}

func (f *File) yamlSites(r *row, n ast.Node) {
	if n.Type() != ast.SequenceType {
		f.scalar(r, cSites, n)
		return
	}
	var sites []string
	for _, item := range f.items(r, n) {
		f.scalar(r, cSites, item)
		sites = append(sites, r.cells[cSites].text)
	}
	r.cells[cSites].text = strings.Join(sites, " ")
}

// scalar takes one value as its column.
func (f *File) scalar(r *row, c column, n ast.Node) {
	line, col := start(n)
	switch n.Type() {
	case ast.NullType:
		r.cells[c] = cell{"", line, col}
	case ast.StringType, ast.IntegerType, ast.FloatType, ast.BoolType:
		r.cells[c] = cell{strings.TrimSpace(n.GetToken().Value), line, col}
	default:
		f.wrong(r, line, col, text("这里要一个值", "a single value stands here"))
	}
}

func (f *File) wrong(r *row, line, col int, t rules.Text) {
	if r != nil {
		r.broken = true
	}
	f.add(line, col, t)
}

// pairs are the known keys and values of a mapping; others are mistakes.
func (f *File) pairs(r *row, n ast.Node, known ...string) []*ast.MappingValueNode {
	var all []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		all = n.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{n}
	case *ast.NullNode:
		return nil
	default:
		line, col := start(n)
		f.wrong(r, line, col, text("这里要 键: 值（%s）", "keys and values stand here (%s)", strings.Join(known, ", ")))
		return nil
	}
	var out []*ast.MappingValueNode
	seen := map[string]bool{}
	for _, p := range all {
		key := p.Key.GetToken().Value
		line, col := place(p.Key.GetToken())
		ok := false
		for _, k := range known {
			ok = ok || k == key
		}
		switch {
		case !ok || p.Key.Type() != ast.StringType:
			f.wrong(r, line, col, unknown(key, known))
		case seen[key]:
			f.wrong(r, line, col, text("键 %q 出现了两次", "key %q stands here twice", key))
		case p.Value == nil:
			f.wrong(r, line, col, text("键 %q 没有值", "key %q has no value", key))
		default:
			out = append(out, p)
		}
		seen[key] = true
	}
	return out
}

func (f *File) items(r *row, n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.SequenceNode:
		return n.Values
	case *ast.NullNode:
		return nil
	}
	line, col := start(n)
	f.wrong(r, line, col, text("这里要一个列表（每项以 - 开头）", "a list stands here (each item after a -)"))
	return nil
}

// start is where a reader starts reading a node: a mapping's own token is the colon of its first pair.
func start(n ast.Node) (line, col int) {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return start(n.Values[0])
		}
	case *ast.MappingValueNode:
		return place(n.Key.GetToken())
	}
	return place(n.GetToken())
}

func line0(n ast.Node) int {
	line, _ := start(n)
	return line
}

func place(t *token.Token) (line, col int) {
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}

// WriteYAML writes nodes as a file that can be imported again.
func WriteYAML(w io.Writer, nodes []Node) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "nodes:")
	for _, n := range nodes {
		fmt.Fprintf(b, "  - id: %s\n", quote(n.ID))
		keys(b, "    ", "parent", n.Parent, "kind", n.Kind, "name", n.Name, "sites", strings.Join(n.Sites, " "))
		if n.Dedicated {
			fmt.Fprintln(b, "    dedicated: true")
		}
		for _, p := range []struct {
			key string
			of  *Person
		}{{"owner", n.Owner}, {"deputy", n.Deputy}} {
			if p.of != nil {
				fmt.Fprintf(b, "    %s:\n", p.key)
				keys(b, "      ", "name", p.of.Name, "phone", p.of.Phone)
			}
		}
		if n.HandOver != nil {
			fmt.Fprintln(b, "    handover:")
			keys(b, "      ", "from", n.HandOver.From, "to", n.HandOver.To)
		}
		last := ""
		for _, e := range n.Entries { // sorted by record
			kind := "kind"
			if e.Record == ContactRecord {
				kind = "role"
			}
			if e.Record != last {
				fmt.Fprintf(b, "    %ss:\n", e.Record)
			}
			last = e.Record
			fmt.Fprintf(b, "      - %s: %s\n", kind, quote(e.Kind))
			keys(b, "        ", "name", e.Name, "phone", e.Phone, "position", e.Position)
			if e.Record == ResourceRecord {
				fmt.Fprintf(b, "        stock: %d\n", e.Stock)
			}
		}
		if len(n.Shifts) > 0 {
			fmt.Fprintln(b, "    shifts:")
		}
		for _, s := range n.Shifts {
			fmt.Fprintf(b, "      - role: %s\n", quote(s.Role))
			keys(b, "        ", "name", s.Name, "phone", s.Phone, "mode", s.Mode, "days", s.Days, "hours", s.Hours, "zone", s.Zone)
		}
		writePatrols(b, n.Patrols)
	}
	return b.Flush()
}

// keys writes those keys that have a value.
func keys(w io.Writer, indent string, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(w, "%s%s: %s\n", indent, pairs[i], quote(pairs[i+1])) //nolint:errcheck // Flush tells it
		}
	}
}

// quote writes a text so that YAML takes it as nothing but that text; it holds no control characters.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
