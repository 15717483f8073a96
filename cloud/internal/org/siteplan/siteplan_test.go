package siteplan_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/siteplan"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/configs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const good = `plans:
  - site: jinxiu
    width: 120
    height: 80
    shapes:
      - {kind: building, name: 3 栋, x: 4, y: 4, w: 40, h: 20, node: b3, places: [3栋, "3 栋"]}
      - {kind: bikeshed, name: "车棚 \"南\"", x: 4, y: 40.126, w: 40, h: 20}
    pins:
      - {gateway: gw-1, device: gas-1, x: 12.5, y: 20}
`

func openStreet(t *testing.T, place *dbtest.Place) *db.DB {
	d := place.Open(t)
	const street = "id,kind,name,parent,sites\nyf,街道,云枫,,\njx,小区,锦绣,yf,jinxiu\nb3,楼栋,3 栋,jx,\ndq,小区,大桥,yf,bridge\n"
	if _, err := tree.Import(t.Context(), d, tree.Parse("x.csv", []byte(street)), tree.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx := openStreet(t, place), t.Context()
		if p, revision, err := siteplan.Read(ctx, d.Reader(), "jinxiu"); err != nil || revision != "" || len(p.Shapes) != 0 {
			t.Errorf("a site that nobody has drawn has %v, %q, %v", p, revision, err)
		}
		f, err := siteplan.Parse("plan.yaml", []byte(good))
		for range 2 {
			if err == nil {
				err = siteplan.Import(ctx, d, f)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		p, first, err := siteplan.Read(ctx, d.Reader(), "jinxiu")
		if err != nil || first == "" || len(p.Shapes) != 2 || p.Shapes[0].Node != "b3" || p.Shapes[1].Y != 40.13 || p.Pins[0] != (siteplan.Pin{Gateway: "gw-1", Device: "gas-1", X: 12.5, Y: 20}) {
			t.Errorf("kept %+v %q %v", p, first, err)
		}
		p.Pins[0].X = 30
		if err := siteplan.Save(ctx, d, siteplan.Sited{Site: "jinxiu", Plan: p}, first); err != nil {
			t.Error(err)
		}
		if err := siteplan.Save(ctx, d, siteplan.Sited{Site: "jinxiu", Plan: p}, first); !errors.Is(err, siteplan.ErrChanged) {
			t.Errorf("what another person has drawn is overwritten: %v", err)
		}
		if err := siteplan.Remove(ctx, d, "jinxiu", first); !errors.Is(err, siteplan.ErrChanged) {
			t.Errorf("what another person has drawn is removed: %v", err)
		}
		if all, err := siteplan.All(ctx, d.Reader(), tree.Below("dq")); err != nil || len(all) != 0 {
			t.Errorf("another part of the street sees %v %v", all, err)
		}
		roundTrip(t, d)
		_, now, err := siteplan.Read(ctx, d.Reader(), "jinxiu")
		if err == nil {
			err = siteplan.Remove(ctx, d, "jinxiu", now)
		}
		if _, now, _ = siteplan.Read(ctx, d.Reader(), "jinxiu"); err != nil || now != "" {
			t.Errorf("after its removal there is revision %q, %v", now, err)
		}
	})
}

// roundTrip: what is exported is imported as it was.
func roundTrip(t *testing.T, d *db.DB) {
	all, err := siteplan.All(t.Context(), d.Reader(), tree.Everywhere())
	if err != nil || len(all) != 1 {
		t.Fatalf("there are %v, %v", all, err)
	}
	var b bytes.Buffer
	if err := siteplan.Write(&b, all); err != nil {
		t.Fatal(err)
	}
	f, err := siteplan.Parse("again.yaml", b.Bytes())
	if err != nil || !reflect.DeepEqual(f.Plans, all) {
		t.Errorf("%s\nis read as %+v, %v", b.Bytes(), f, err)
	}
}

func TestOnlyTheSitesOwnNodes(t *testing.T) {
	d := openStreet(t, dbtest.SQLite(t))
	for name, c := range map[string][2]string{
		"another site's node": {strings.Replace(good, "node: b3", "node: dq", 1), `6:69: plans[0].shapes[0].node: node "dq" is neither that of site jinxiu nor below it`},
		"no such site":        {strings.Replace(good, "site: jinxiu", "site: nowhere", 1), `2:11: plans[0].site: there is no site "nowhere"`},
	} {
		f, err := siteplan.Parse("plan.yaml", []byte(c[0]))
		if err == nil {
			err = siteplan.Import(t.Context(), d, f)
		}
		if err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, revision, err := siteplan.Read(t.Context(), d.Reader(), "jinxiu"); err != nil || revision != "" {
		t.Errorf("a file with a mistake left revision %q, %v", revision, err)
	}
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string][2]string{
		"empty":           {"", "file is empty"},
		"no plan":         {"plans: []\n", "it holds no plan"},
		"unknown key":     {strings.Replace(good, "width:", "widht:", 1), `3:5: : unknown key "widht" (did you mean "width"?)`},
		"no number":       {strings.Replace(good, "width: 120", "width: wide", 1), "3:12: : wants a number"},
		"no size":         {strings.Replace(good, "width: 120", "width: 0", 1), "3:12: plans[0].width: must be from 1"},
		"not a number":    {strings.Replace(good, "width: 120", "width: .nan", 1), "3:12: plans[0].width: must be from 1"},
		"unknown kind":    {strings.Replace(good, "kind: building", "kind: tower", 1), `6:16: plans[0].shapes[0].kind: "tower" is none of`},
		"outside":         {strings.Replace(good, "w: 40, h: 20, node", "w: 400, h: 20, node", 1), "plans[0].shapes[0].x: \"3 栋\" is not inside the plan"},
		"a pin beside it": {strings.Replace(good, "x: 12.5", "x: 120", 1), "plans[0].pins[0].x: x and y are percent"},
		"no device":       {strings.Replace(good, "device: gas-1, ", "", 1), "it needs gateway and device"},
		"a site twice":    {good + strings.TrimPrefix(good, "plans:\n"), `10:11: plans[1].site: site "jinxiu" stands here twice`},
	} {
		if _, err := siteplan.Parse("plan.yaml", []byte(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPicture(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx := openStreet(t, place), t.Context()
		var file bytes.Buffer
		if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 30, 20))); err != nil {
			t.Fatal(err)
		}
		if err := siteplan.SetPicture(ctx, d, "jinxiu", file.Bytes()); err != nil {
			t.Fatal(err)
		}
		p, err := siteplan.PictureOf(ctx, d.Reader(), "jinxiu")
		if err != nil || p == nil || p.Width != 30 || p.Height != 20 || len(p.ID) != 16 {
			t.Errorf("there is %+v, %v", p, err)
		}
		kind, content, err := siteplan.PictureBytes(ctx, d.Reader(), "jinxiu")
		if _, bad := png.Decode(bytes.NewReader(content)); kind != "image/png" || err != nil || bad != nil {
			t.Errorf("kept as %s: %v %v", kind, err, bad)
		}
		for name, bad := range map[string][]byte{"words": []byte("<svg onload=alert(1)>"), "half": file.Bytes()[:file.Len()/2], "too large": append(file.Bytes(), make([]byte, siteplan.MaxPictureBytes)...)} {
			if err := siteplan.SetPicture(ctx, d, "jinxiu", bad); !errors.Is(err, siteplan.ErrPicture) {
				t.Errorf("%s is taken: %v", name, err)
			}
		}
		if err := siteplan.RemovePicture(ctx, d, "jinxiu"); err != nil {
			t.Error(err)
		}
		if _, _, err := siteplan.PictureBytes(ctx, d.Reader(), "jinxiu"); !errors.Is(err, org.ErrUnknown) {
			t.Errorf("it is still there: %v", err)
		}
	})
}

// TestDemo: the shipped plan is right, and stands on the shipped organisation.
func TestDemo(t *testing.T) {
	d := dbtest.SQLite(t).Open(t)
	text := func(name string) []byte {
		b, err := configs.FS.ReadFile("demo/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := tree.Import(t.Context(), d, tree.Parse("org.yaml", text("org.yaml")), tree.Options{Strict: true, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	f, err := siteplan.Parse("plan.yaml", text("plan.yaml"))
	if err == nil {
		err = siteplan.Import(t.Context(), d, f)
	}
	if err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("plans:\n  - {site: x, width: 1e5, height: .inf, shapes: [null]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := siteplan.Parse("x.yaml", data)
		if _, told := errors.AsType[siteplan.Mistakes](err); err != nil && !told {
			t.Errorf("%v is no mistake that people are told", err)
		}
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := siteplan.Write(&b, file.Plans); err != nil {
			t.Fatal(err)
		}
		if again, err := siteplan.Parse("y.yaml", b.Bytes()); err != nil || len(again.Plans) != len(file.Plans) {
			t.Errorf("%q is written as %q, and that is %v", data, b.Bytes(), err)
		}
	})
}
