package drawing_test

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/drawing"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const good = `{"type":"FeatureCollection","features":[
 {"type":"Feature","properties":{"node":"yf"},"geometry":{"type":"Polygon","coordinates":[[[113,29],[113.1,29],[113.1,29.1],[113,29]]]}},
 {"type":"Feature","properties":{"site":"jinxiu"},"geometry":{"type":"Point","coordinates":[113.05,29.02]}}]}`

func TestKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx := place.Open(t), t.Context()
		const file = "id,kind,name,parent,sites\nyf,街道,云枫,,\njx,小区,锦绣,yf,jinxiu\ndq,小区,大桥,yf,bridge\n"
		if _, err := tree.Import(ctx, d, tree.Parse("x.csv", []byte(file)), tree.Options{Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
		w, err := drawing.Parse([]byte(good))
		for range 2 {
			if err == nil {
				err = drawing.Save(ctx, d, w)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		all, err := drawing.Read(ctx, d.Reader(), tree.Everywhere())
		if err != nil || len(all.Outlines["yf"]) != 1 || len(all.Outlines["yf"][0]) != 4 || all.Positions["jinxiu"] != (drawing.Point{113.05, 29.02}) {
			t.Errorf("kept %+v %v", all, err)
		}
		if part, err := drawing.Read(ctx, d.Reader(), tree.Below("dq")); err != nil || len(part.Positions)+len(part.Outlines) != 0 {
			t.Errorf("another part of the street sees %+v %v", part, err)
		}
		strange, err := drawing.Parse([]byte(strings.ReplaceAll(good, "jinxiu", "nowhere")))
		if err != nil {
			t.Fatal(err)
		}
		if _, is := drawing.AsMistake(drawing.Save(ctx, d, strange)); !is {
			t.Error("a site that nobody knows is taken")
		}
	})
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string][2]string{
		"not JSON":   {`{"type"`, "this is not JSON"},
		"no feature": {`{"type":"FeatureCollection","features":[]}`, "with features is needed"},
		"open ring":  {strings.Replace(good, "[113,29]]]", "[113,29.5]]]", 1), "feature 1: a ring needs at least 4 points"},
		"no node":    {strings.Replace(good, `"node":"yf"`, `"name":"yf"`, 1), "feature 1: an outline needs the property node"},
		"no site":    {strings.Replace(good, `"site":"jinxiu"`, `"x":1`, 1), "feature 2: a point needs the property site"},
		"metres":     {strings.Replace(good, "[113.05,29.02]", "[412000,3250000]", 1), "feature 2: coordinates must be"},
		"a line":     {strings.Replace(good, `"Point"`, `"LineString"`, 1), "only Polygon"},
	} {
		if _, err := drawing.Parse([]byte(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"geometry":{"type":"MultiPolygon","coordinates":[[[]]]},"properties":{"node":"x"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := drawing.Parse(data)
		if _, is := drawing.AsMistake(err); err != nil && !is {
			t.Errorf("%v is no mistake that people are told", err)
		}
		for _, p := range d.Positions {
			if err == nil && (p[0] < -180 || p[0] > 180) {
				t.Errorf("%v is taken", p)
			}
		}
	})
}
