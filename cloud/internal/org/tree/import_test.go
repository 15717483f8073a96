package tree_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

func zh(t rules.Text) string { return t.ZH }

func take(t testing.TB, d *db.DB, name, text string, o tree.Options) tree.Result {
	t.Helper()
	o.Now, o.By = time.Date(2026, 2, 12, 9, 0, 0, 0, time.UTC), "张三"
	r, err := tree.Import(t.Context(), d, tree.Parse(name, []byte(text)), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// said are the places and words of the mistakes.
func said(r tree.Result) string {
	var b strings.Builder
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "%d:%d %s\n", p.Line, p.Col, p.Text.EN)
	}
	return b.String()
}

// street is a file of 614 compounds in one go, of which wrong ones are changed.
func street(wrong map[int]string) string {
	var b strings.Builder
	b.WriteString("\ufeff编号,上级,类型,名称,站点,责任人,责任人电话\r\ndongsheng,,街道,东升街道,,陈主任,13800000001\r\n")
	for i := 1; i <= 614; i++ {
		l := fmt.Sprintf("yard-%d,dongsheng,小区,%d 号院,site-%d,,", i, i, i)
		if w := wrong[i]; w != "" {
			l = w
		}
		b.WriteString(l + "\r\n")
	}
	return b.String()
}

func TestThreeWrongOf614(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		text := street(map[int]string{
			10:  "yard-10,nowhere,小区,10 号院,site-10,,",
			200: "yard-200,dongsheng,小区,200 号院,site-199,,",
			614: "yard-614,dongsheng,小区,614 号院,site-614,王,abc",
		})
		const want = "12:9 there is no node \"nowhere\"\n202:30 site \"site-199\" hangs on node \"yard-199\"\n616:41 \"abc\" is no phone number\n"
		for _, o := range []tree.Options{{Strict: true}, {Replace: true}} {
			if r := take(t, d, "street.csv", text, o); said(r) != want || !r.Nothing || r.Records != 615 || r.Refused != 615 {
				t.Fatalf("strict: %+v\n%s", r, said(r))
			}
		}
		if r := take(t, d, "street.csv", text, tree.Options{DryRun: true}); said(r) != want || r.Added != 612 || len(r.Changes) != 612 {
			t.Fatalf("dry run: %d added\n%s", r.Added, said(r))
		}
		if _, err := tree.PathOf(t.Context(), d.Reader(), "site-1"); !errors.Is(err, org.ErrUnknown) {
			t.Fatalf("something was taken: %v", err)
		}
		if r := take(t, d, "street.csv", text, tree.Options{}); said(r) != want || r.Added != 612 || r.Refused != 3 || r.Nothing {
			t.Fatalf("%d added, %d refused\n%s", r.Added, r.Refused, said(r))
		}
		if r := take(t, d, "street.csv", text, tree.Options{}); said(r) != want || r.Same != 612 || len(r.Changes) != 0 {
			t.Fatalf("twice: %d the same, %+v", r.Same, r.Changes)
		}
		if r := take(t, d, "street.csv", street(nil), tree.Options{Strict: true}); r.Added != 3 || r.Same != 612 || len(r.Problems) != 0 {
			t.Fatalf("put right: %+v\n%s", r.Added, said(r))
		}
		entries, err := org.JournalPage(t.Context(), d.Reader(), "", 0, 10)
		if err != nil || len(entries) != 2 || entries[1].Text.EN != "张三 imported the tree of the organisation from street.csv: 612 added, 0 changed, 0 removed, 3 left out" {
			t.Errorf("journal: %+v %v", entries, err)
		}
	})
}

func TestShippedStreet(t *testing.T) {
	text, err := configs.FS.ReadFile("demo/org.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx := place.Open(t), t.Context()
		if r := take(t, d, "org.yaml", string(text), tree.Options{Strict: true}); len(r.Problems) != 0 || r.Added != r.Records || r.Records < 33 {
			t.Fatalf("%d added\n%s", r.Added, said(r))
		}
		path, err := tree.PathOf(ctx, d.Reader(), "jinxiu")
		var names []string
		for _, n := range path {
			names = append(names, n.Name)
		}
		if got := strings.Join(names, "/"); err != nil || got != "云枫街道/第三片区/寨子坪社区/第一网格/一号微网格/锦绣花园" {
			t.Errorf("path %s %v", got, err)
		}
		for at, want := range map[string]string{"jinxiu": "王网格员", "zhaizi 02-09": "李书记", "zhaizi 02-10": "周副书记", "zhaizi 02-24": "周副书记", "zhaizi 02-25": "李书记", "block-3": "陈主任"} {
			node, day, _ := strings.Cut(at, " ")
			now, _ := time.Parse(time.DateOnly, "2026-"+day)
			var duty *tree.Duty
			if node == "jinxiu" {
				duty, err = tree.ResponsibleFor(ctx, d.Reader(), node, now)
			} else {
				var part []tree.Node
				if part, err = tree.With(ctx, d.Reader(), node, now); err == nil {
					duty = part[0].Responsible
				}
			}
			if err != nil || duty == nil || duty.Name != want {
				t.Errorf("%s: %+v %v", at, duty, err)
			}
		}
		part, err := tree.Subtree(ctx, d.Reader(), "zhaizi")
		if err != nil || len(part) != 7 || part[0].Depth != 0 || part[len(part)-1].ID != "jinxiu-b3" {
			t.Errorf("subtree %+v %v", part, err)
		}
		for _, n := range tree.Masked(part) {
			if n.Owner != nil && !strings.HasPrefix(n.Owner.Phone, "138****") {
				t.Errorf("not masked: %+v", n.Owner)
			}
		}
		if part[0].Owner.Phone != "13800000002" {
			t.Errorf("masking changed what it was given: %+v", part[0].Owner)
		}
		if _, err := tree.Subtree(ctx, d.Reader(), "none"); !errors.Is(err, org.ErrUnknown) {
			t.Errorf("unknown node: %v", err)
		}
		whole(t, d)
	})
}

// whole exports the tree both ways; what is exported changes nothing, and a file without some of it removes that when asked.
func whole(t *testing.T, d *db.DB) {
	nodes, err := tree.Subtree(t.Context(), d.Reader(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range exported(t, nodes) {
		if r := take(t, d, name, text, tree.Options{Replace: true}); len(r.Changes) != 0 || len(r.Problems) != 0 {
			t.Errorf("%s: %+v\n%s", name, r.Changes, said(r))
		}
	}
	less := exported(t, nodes[:3])["x.csv"]
	if r := take(t, d, "x.csv", less, tree.Options{}); len(r.Changes) != 0 {
		t.Errorf("a part changes nothing: %+v", r.Changes)
	}
	r := take(t, d, "x.csv", less, tree.Options{Replace: true})
	left, err := tree.Subtree(t.Context(), d.Reader(), "")
	if err != nil || r.Removed == 0 || !reflect.DeepEqual(left, nodes[:3]) {
		t.Errorf("%d removed, left %+v %v", r.Removed, left, err)
	}
}

func exported(t interface{ Fatal(...any) }, nodes []tree.Node) map[string]string {
	var c, y bytes.Buffer
	if err := errors.Join(tree.WriteCSV(&c, nodes, zh), tree.WriteYAML(&y, nodes)); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"x.csv": c.String(), "x.yaml": y.String()}
}

// A change is told with what was and what will be, and phone numbers are masked in it.
func TestWhatChanges(t *testing.T) {
	d := dbtest.SQLite(t).Open(t)
	const head = "id,kind,name,parent,sites,owner,owner_phone\n"
	take(t, d, "a.csv", head+"a,网格,一,,s1 s2,王,13800000004\nb,网格,二,,,,\n", tree.Options{})
	r := take(t, d, "a.csv", head+"b,网格,二,,s1,,\na,网格,一,,s2,王,13900000004\n", tree.Options{})
	got := fmt.Sprint(r.Changes)
	if r.Changed != 2 || !strings.Contains(got, "138****0004 139****0004") || strings.Contains(got, "13900000004") {
		t.Errorf("%s", got)
	}
	if path, err := tree.PathOf(t.Context(), d.Reader(), "s1"); err != nil || path[0].ID != "b" {
		t.Errorf("the site moves: %+v %v", path, err)
	}
}

// BenchmarkStreet is a street in one go: 614 sites and 10,000 places below them.
func BenchmarkStreet(b *testing.B) {
	var c strings.Builder
	c.WriteString(street(nil))
	for i := range 10_000 {
		fmt.Fprintf(&c, "place-%d,yard-%d,楼栋,%d 栋,,,\n", i, i%614+1, i)
	}
	texts := map[string]string{"x.csv": c.String()}
	d := dbtest.SQLite(b).Open(b)
	take(b, d, "x.csv", texts["x.csv"], tree.Options{})
	nodes, err := tree.Subtree(b.Context(), d.Reader(), "")
	if err != nil {
		b.Fatal(err)
	}
	texts = exported(b, nodes)
	for _, name := range []string{"x.csv", "x.yaml"} {
		for where, place := range map[string]func(testing.TB) *dbtest.Place{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
			b.Run(name+"/"+where, func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					d := place(b).Open(b)
					b.StartTimer()
					if r := take(b, d, name, texts[name], tree.Options{Strict: true}); r.Added != 10_615 {
						b.Fatalf("%d added", r.Added)
					}
				}
			})
		}
	}
}
