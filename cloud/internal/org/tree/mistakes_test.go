package tree_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/configs"
)

func TestMistakes(t *testing.T) {
	d := dbtest.SQLite(t).Open(t)
	take(t, d, "old.csv", "id,parent,kind,name,sites\nold,,街道,旧,s-old\nunder,old,社区,下,\n", tree.Options{})
	const head = "record,id,parent,kind,name,sites,dedicated,owner,deputy,handover_from,handover_to,phone,stock\n"
	for _, c := range []struct {
		name, text, want string
		taken            int
	}{
		{"x.csv", "", "1:1 the file is empty\n", 0},
		{"x.csv", "id,parnt,kind,name\na,,k,n\n", "1:4 \"parnt\" is not known; did you mean \"parent\"?\n", 0},
		{"x.csv", "id,parent\na,\n", "1:1 column \"kind\" is missing\n", 0},
		{"x.csv", "id,id,kind,name\n", "1:4 column \"id\" stands here twice\n", 0},
		{"x.csv", "id,kind,name\na,k,n\n\xc9\xe7,k,n\n", "3:1 this is not UTF-8: in Excel, save as “CSV UTF-8”\n", 0},
		{"x.csv", "id,kind,name\na,k\"k,n\nb,k,n\n", "2:4 wrong quotes: what holds a comma, a quote or a line's end stands in double quotes, a quote in it twice\n", 1},
		{"x.csv", "id,kind,name\na,k,n,more\nb,k,n,,,\n,,\n", "2:7 this line has 4 fields, the header 3\n", 1},
		{"x.csv", head + "nod,a,,k,n\n", "2:1 \"nod\" is none of node, contact, team, resource, shift, patrol, point\n", 0},
		{"x.csv", head + ",,,k,\n", "2:2 id is missing\n2:6 name is missing\n", 0},
		{"x.csv", head + ",a b,,k,n\n", "2:2 id \"a b\": letters, digits, . _ - after a letter or digit, at most 80 bytes\n", 0},
		{"x.csv", head + ",a,,k,=1+1\n", "2:7 it must not begin with = + - @: spreadsheets take that as a formula\n", 0},
		{"x.csv", head + ",a,,k,\"n\nm\"\n", "2:7 it holds an invisible character or a line's end\n", 0},
		{"x.csv", head + ",a,,k,n,,vielleicht\n", "2:10 \"vielleicht\" is neither yes nor no\n", 0},
		{"x.csv", head + ",a,,k,n,,,王,王\n", "2:13 the deputy is the owner: it takes two people\n", 0},
		{"x.csv", head + ",a,,k,n,,,王,李,2026-2-1\n", "2:15 \"2026-2-1\" is no day such as 2026-11-20\n", 0},
		{"x.csv", head + ",a,,k,n,,,王,李,2026-02-02,2026-02-01\n", "2:26 the hand-over ends before it begins\n", 0},
		{"x.csv", head + ",a,,k,n,,,,,,,110\n", "2:15 a node has no phone\n", 0},
		{"x.csv", head + "resource,,old,k,n,,,,,,,,-1\n", "2:26 \"-1\" is no whole number from 0 to 1000000\n", 0},
		{"x.csv", head + "team,,old,k,n\nteam,,old,k,n\n队伍,,,k,n\n", "3:13 the same as in line 2\n4:5 the id of its node is missing\n", 1},
		{"x.csv", head + ",a,b,k,n\n,b,c,k,n\n,c,a,k,n\n,d,c,k,n\n", "2:4 nodes in a circle: a → b → c\n3:4 nodes in a circle: a → b → c\n4:4 nodes in a circle: a → b → c\n5:4 its parent \"c\" (line 4) is not taken\n", 0},
		{"x.csv", head + ",old,under,k,n\n", "2:6 nodes in a circle: old → under\n", 0},
		{"x.csv", head + ",a,,k,n,s-old\nteam,,a,k,n\n", "2:9 site \"s-old\" hangs on node \"old\"\n3:7 its parent \"a\" (line 2) is not taken\n", 0},
		{"x.csv", head + ",a,,,n\nteam,,a,k,n\n", "2:5 kind is missing\n3:7 its parent \"a\" (line 2) is not taken\n", 0},
		{"x.yaml", "", "1:1 the file is empty\n", 0},
		{"x.yaml", "nodes: {", "1:8 this is not YAML: could not find flow mapping end token '}'\n", 0},
		{"x.yaml", "node: []\n", "1:1 \"node\" is not known; did you mean \"nodes\"?\n", 0},
		{"x.yaml", "nodes: 7\n", "1:8 a list stands here (each item after a -)\n", 0},
		{"x.yaml", "nodes:\n  - id: a\n    kind: k\n    name: [n]\n  - {id: b, kind: k, name: n, onwer: {name: w}}\n  - {id: c, kind: k, name: n}\n",
			"4:11 a single value stands here\n5:31 \"onwer\" is not known; did you mean \"owner\"?\n", 1},
		{"x.yaml", "nodes:\n  - id: a\n    kind: k\n    name: n\n    owner: {name: w, phone: x}\n    teams:\n      - {kind: k, nam: n}\n",
			"5:29 \"x\" is no phone number\n7:19 \"nam\" is not known; did you mean \"name\"?\n", 0},
	} {
		r := take(t, d, c.name, c.text, tree.Options{DryRun: true})
		if said(r) != c.want || r.Added+r.Changed != c.taken {
			t.Errorf("%q: takes %d, says\n%swant\n%s", c.text, r.Added+r.Changed, said(r), c.want)
		}
		for _, p := range r.Problems {
			if p.Text.ZH == "" || p.Text.ZH == p.Text.EN {
				t.Errorf("%q says %q in Chinese", c.text, p.Text.ZH)
			}
		}
	}
}

// What is in the tree comes back from its own export, CSV and YAML, whatever the words in it are.
func TestExportComesBack(t *testing.T) {
	d := dbtest.SQLite(t).Open(t)
	rapid.Check(t, func(r *rapid.T) {
		want := forest(r)
		for name, text := range exported(r, want) {
			if res := take(t, d, name, text, tree.Options{Replace: true}); len(res.Problems) != 0 {
				r.Fatalf("%s\n%s\n%s", name, said(res), text)
			}
			got, err := tree.Subtree(t.Context(), d.Reader(), "")
			if err != nil || !reflect.DeepEqual(got, want) {
				r.Fatalf("%s: %v\n%+v became\n%+v in\n%s", name, err, want, got, text)
			}
		}
	})
}

// forest draws nodes in the order of a walk.
func forest(r *rapid.T) []tree.Node {
	words := rapid.StringMatching(`[^\pC\pZ=+\-@][^\pC\pZ]{0,3}( [^\pC\pZ]{1,3})?|null|true|~|007|1e3|0x1F|# x|a: b|- a|\[|'|"|\\n|&a|\*a|!t|%|,`).Filter(func(s string) bool { return !strings.ContainsAny(s[:1], "=+-@") })
	phone := rapid.StringMatching(`|110|\+?[0-9]{11}|0[0-9]{2}-[0-9]{8}`)
	person := func(name string) *tree.Person {
		if !rapid.Bool().Draw(r, "has "+name) {
			return nil
		}
		return &tree.Person{Name: name + words.Draw(r, name), Phone: phone.Draw(r, "phone")}
	}
	n := rapid.IntRange(1, 6).Draw(r, "nodes")
	out := make([]tree.Node, n)
	for i := range out {
		x := &out[i]
		x.ID, x.Kind, x.Name = string(rune('a'+i))+rapid.StringMatching(`[一-龥0-9._-]{0,3}`).Draw(r, "id"), words.Draw(r, "kind"), words.Draw(r, "name")
		if i > 0 { // a chain keeps the order of the walk simple
			x.Parent, x.Depth = out[i-1].ID, out[i-1].Depth+1
		}
		x.Dedicated, x.Sites = rapid.Bool().Draw(r, "dedicated"), []string{}
		if rapid.Bool().Draw(r, "site") {
			x.Sites = []string{x.ID, x.ID + "0"}
		}
		if x.Owner, x.Deputy = person("A"), person("B"); x.Deputy != nil && rapid.Bool().Draw(r, "hand-over") {
			x.HandOver = &tree.HandOver{From: "2026-02-01", To: rapid.SampledFrom([]string{"", "2026-02-01", "2027-01-01"}).Draw(r, "to")}
		}
		for _, record := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"contact", "resource", "team"}), 0, 3, rapid.ID).Draw(r, "records") {
			e := tree.NodeEntry{Record: record, Kind: words.Draw(r, "kind"), Name: words.Draw(r, "name"), Phone: phone.Draw(r, "phone"), Position: words.Draw(r, "position")}
			if record == "resource" {
				e.Stock = rapid.IntRange(0, 99).Draw(r, "stock")
			}
			x.Entries = append(x.Entries, e)
		}
		if rapid.Bool().Draw(r, "roster") {
			x.Shifts = []shift.Shift{{Role: words.Draw(r, "role"), Name: words.Draw(r, "on duty"), Phone: phone.Draw(r, "phone"), Mode: rapid.SampledFrom([]string{"", "ordinary", "emergency"}).Draw(r, "mode"),
				Days: rapid.SampledFrom([]string{"daily", "mon-fri !2026-10-01", "2026-10-01..2026-10-07"}).Draw(r, "days"), Hours: "20:00-08:00", Zone: rapid.SampledFrom([]string{"", "Asia/Urumqi"}).Draw(r, "zone")}}
		}
		slices.SortFunc(x.Entries, func(a, b tree.NodeEntry) int { return strings.Compare(a.Record, b.Record) })
	}
	return out
}

func fuzz(f *testing.F, name string, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := tree.Check(tree.Parse(name, []byte(text)), nil, tree.Options{})
		if r.Added+r.Changed+r.Same+r.Refused != r.Records || r.Refused > 0 && len(r.Problems) == 0 || r.Records == 0 && len(r.Problems) == 0 && strings.TrimSpace(text) == "" {
			t.Errorf("%d records of %q: %+v\n%s", r.Records, text, r, said(r))
		}
	})
}

func FuzzCSV(f *testing.F) {
	fuzz(f, "x.csv", "", street(map[int]string{3: "\"", 4: ",,,,,,,,", 5: "a\"b"})[:400], "记录,编号,上级,类型,名称,电话,数量\n节点,a,,网格,一,,\n资源,,a,灭火器,x,110,8\n", "id,parent,kind,name,sites\na,b,k,n,s\nb,a,k,n,s\n",
		"记录,编号,上级,类型,名称,日子,时段,平急,时区\n节点,a,,网格,一,,,,\n值班,,a,值班,王,周一至周五 !2026-10-01,20:00-08:00,急,Asia/Urumqi\n")
}

func FuzzYAML(f *testing.F) {
	text, err := configs.FS.ReadFile("demo/org.yaml")
	if err != nil {
		f.Fatal(err)
	}
	fuzz(f, "x.yaml", string(text), "nodes: [{id: a, parent: b}, {id: b, parent: a}]", "nodes:\n- id: !!x\n", "nodes: &a [*a]", "? a\n: b", "nodes:\n- <<: {id: a}\n", "- |\n a")
}
