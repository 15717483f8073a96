package live_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/org"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func hub() *live.Hub { return live.NewHub(time.UnixMicro(1_000_000), prometheus.NewRegistry()) }

func publish(t *testing.T, h *live.Hub, kind, key string, v int) {
	t.Helper()
	if err := live.Publish(h, live.Thing{Kind: kind, ID: key, Site: "s"}, v); err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, r *live.Reader) string {
	t.Helper()
	b, err := r.Take()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNewestStateOnly(t *testing.T) {
	h := hub()
	r := h.Subscribe(live.Scope{All: true}, 0)
	defer r.Close()
	for i := range 10_000 { // a reader that takes nothing owes the hub no memory
		publish(t, h, "site", fmt.Sprint(i%3), i)
	}
	if got := take(t, r); strings.Count(got, "event: site") != 3 || !strings.Contains(got, "data: 9999\n") || strings.Contains(got, "data: 9996\n") {
		t.Errorf("got %s", got)
	}
	if got := take(t, r); got != "" {
		t.Errorf("owed nothing, got %s", got)
	}
}

func TestResume(t *testing.T) {
	h := hub()
	publish(t, h, "incident", "a", 1)
	publish(t, h, "incident", "b", 2)
	for last, want := range map[int64]string{1_000_000: "data: 1|data: 2", 1_000_001: "data: 2", 1_000_002: "", 999_999: "reset", 1_000_003: "reset"} {
		r := h.Subscribe(live.Scope{All: true}, last)
		got := take(t, r)
		for part := range strings.SplitSeq(want, "|") {
			if !strings.Contains(got, part) {
				t.Errorf("after %d: %q lacks %q", last, got, part)
			}
		}
		if want == "" && got != "" {
			t.Errorf("after %d: %q", last, got)
		}
		r.Close()
	}
	for i := range 2000 {
		publish(t, h, "incident", fmt.Sprint(i), i)
	}
	r := h.Subscribe(live.Scope{All: true}, 1_000_002)
	defer r.Close()
	if got := take(t, r); !strings.Contains(got, "event: reset") || strings.Contains(got, "event: incident") {
		t.Errorf("what is no longer known was not told as a reset: %.200s", got)
	}
}

func TestTooMuchOwedIsAReset(t *testing.T) {
	h := hub()
	r := h.Subscribe(live.Scope{All: true}, 0)
	defer r.Close()
	for i := range 5000 {
		publish(t, h, "incident", fmt.Sprint(i), i)
	}
	if got := take(t, r); !strings.HasPrefix(got, "id: ") || !strings.Contains(got[:40], "event: reset") {
		t.Errorf("got %.100s", got)
	}
}

func TestScopes(t *testing.T) {
	h := hub()
	point := func(name string, v float64) org.PointValue { return org.PointValue{Name: name, Value: &v} }
	site := h.Subscribe(live.Scope{All: true, Places: []string{"s"}}, 0)
	dev := h.Subscribe(live.Scope{All: true, Devices: []string{"g/d"}}, 0)
	link := h.Subscribe(live.Scope{Only: "a"}, 0)
	defer site.Close()
	defer dev.Close()
	defer link.Close()
	if !h.Wants("s", "x") || !h.Wants("", "g") || h.Wants("t", "gg") {
		t.Error("wants")
	}
	h.Readings("s", live.Readings{Gateway: "g", Device: "d", Points: []org.PointValue{point("p", 1), point("q", 2)}})
	h.Readings("s", live.Readings{Gateway: "g", Device: "d", Points: []org.PointValue{point("p", 3)}})
	h.Readings("t", live.Readings{Gateway: "x", Device: "d", Points: []org.PointValue{point("p", 9)}})
	publish(t, h, "incident", "a", 1)
	publish(t, h, "incident", "b", 2)
	publish(t, h, "site", "s", 3)
	far := h.Subscribe(live.Scope{Sites: map[string]bool{"other": true}}, 0)
	defer far.Close()
	if err := live.Publish(h, live.Thing{Kind: "order", ID: "7", Hint: true}, 7); err != nil {
		t.Fatal(err)
	}
	if got := take(t, far); !strings.Contains(got, "event: order\ndata: 7") {
		t.Errorf("a hint reaches everybody, but: %s", got)
	}
	for name, r := range map[string]*live.Reader{"site": site, "device": dev} {
		got := take(t, r)
		if strings.Count(got, "event: readings") != 1 || !strings.Contains(got, `"name":"q","unit":"","value":2`) || !strings.Contains(got, `"value":3`) || strings.Contains(got, `"value":1`) {
			t.Errorf("%s got %s", name, got)
		}
	}
	if got := take(t, link); strings.Count(got, "event:") != 1 || !strings.Contains(got, "event: incident\ndata: 1") {
		t.Errorf("the reader of a link got %s", got)
	}
}

// History that comes late never takes the place of a newer value; a clock that was ahead does not freeze the page.
func TestNewestWins(t *testing.T) {
	h := hub()
	r := h.Subscribe(live.Scope{All: true, Places: []string{"s"}}, 0)
	now := time.Now()
	tell := func(name string, at time.Time, v float64) {
		h.Readings("s", live.Readings{Gateway: "g", Device: "d", Points: []org.PointValue{{Name: name, Value: &v, At: at.UnixMilli()}}})
	}
	tell("p", now.Add(-time.Second), 2)
	if got := take(t, r); !strings.Contains(got, `"value":2`) {
		t.Errorf("live value: %s", got)
	}
	tell("p", now.Add(-time.Hour), 1)
	if got := take(t, r); got != "" {
		t.Errorf("late history is shown as now: %s", got)
	}
	tell("q", now.Add(-2*time.Hour), 4)
	if got := take(t, r); !strings.Contains(got, `"value":4`) {
		t.Errorf("the newest that is known of a point is not shown: %s", got)
	}
	tell("p", now.Add(48*time.Hour), 5) // a clock that is ahead
	tell("p", time.Now().Add(time.Millisecond), 6)
	if got := take(t, r); !strings.Contains(got, `"value":6`) || strings.Contains(got, `"value":5`) {
		t.Errorf("after a wrong clock: %s", got)
	}
	r.Close()
	r = h.Subscribe(live.Scope{All: true, Places: []string{"s"}}, 0)
	defer r.Close()
	tell("p", now.Add(-time.Hour), 7)
	if got := take(t, r); !strings.Contains(got, `"value":7`) {
		t.Errorf("a page that is opened anew gets nothing: %s", got)
	}
}

// A reader hears of its own part of the street alone: live, when it comes back, and after that part has changed.
func TestForeignSites(t *testing.T) {
	h := hub()
	tell := func(v int) {
		t.Helper()
		for _, site := range []string{"own", "foreign", ""} {
			if err := live.Publish(h, live.Thing{Kind: "site", ID: site, Site: site}, fmt.Sprint(site, v)); err != nil {
				t.Fatal(err)
			}
			h.Readings(site, live.Readings{Gateway: "g-" + site, Device: "d", Points: []org.PointValue{{Name: "p", At: int64(v)}}})
		}
	}
	tell(1)
	own := map[string]bool{"own": true}
	for _, c := range []struct {
		scope live.Scope
		last  int64
		want  string // events and readings
	}{
		{live.Scope{}, 1_000_001, ""}, {live.Scope{Places: []string{"own"}, Devices: []string{"g-foreign/d"}}, 1_000_001, ""},
		{live.Scope{Sites: own}, 0, "own2"}, {live.Scope{Sites: own}, 1_000_000, "own2"}, {live.Scope{Sites: own, Places: []string{"foreign"}, Devices: []string{"g-foreign/d"}}, 0, "own2"},
		{live.Scope{Sites: own, Places: []string{"own"}}, 0, "own2 g-own"}, {live.Scope{Sites: own, Devices: []string{"g-own/d"}}, 0, "own2 g-own"},
		{live.Scope{Only: "x", Sites: own, Places: []string{"own"}}, 0, ""}, {live.Scope{All: true, Places: []string{"foreign"}}, 0, "own2 foreign2 g-foreign"},
	} {
		r := h.Subscribe(c.scope, c.last)
		tell(2)
		got := take(t, r)
		for _, word := range []string{"own2", "foreign2", "g-own", "g-foreign"} {
			if want := strings.Contains(" "+c.want+" ", " "+word+" "); strings.Contains(got, `"`+word+`"`) != want {
				t.Errorf("%+v: %s told: %v, want %v", c.scope, word, !want, want)
			}
		}
		r.Close()
	}
	r := h.Subscribe(live.Scope{Sites: own}, 0)
	defer r.Close()
	r.May(live.Scope{Sites: map[string]bool{"foreign": true}})
	tell(3)
	if got := take(t, r); strings.Contains(got, "own3") || !strings.Contains(got, "foreign3") {
		t.Errorf("after its part has changed: %s", got)
	}
	if h.Wants("own", "g-own") {
		t.Error("readings are asked for that nobody may see")
	}
}

// A department hears of what was given to it, wherever that lies, until it is given to another: then it reads anew.
func TestGivenToANode(t *testing.T) {
	h := hub()
	give := func(v int, nodes ...string) {
		t.Helper()
		if err := live.Publish(h, live.Thing{Kind: "incident", ID: "a", Site: "foreign", Nodes: nodes}, v); err != nil {
			t.Fatal(err)
		}
	}
	safety := live.Scope{Sites: map[string]bool{"own": true}, Nodes: map[string]bool{"safety": true}}
	r := h.Subscribe(safety, 0)
	defer r.Close()
	other := h.Subscribe(live.Scope{Sites: map[string]bool{"own": true}, Nodes: map[string]bool{"other": true}}, 0)
	defer other.Close()
	give(1)
	if got := take(t, r); got != "" {
		t.Errorf("before it was given to anybody: %s", got)
	}
	for i := range 3 {
		give(2+i, "safety")
		if got := take(t, r); !strings.Contains(got, fmt.Sprintf("event: incident\ndata: %d", 2+i)) {
			t.Errorf("it was given to the department, which hears: %q", got)
		}
	}
	if got := take(t, other); got != "" {
		t.Errorf("another department hears %s", got)
	}
	give(5, "other")
	if got := take(t, r); !strings.Contains(got, "event: reset") || strings.Contains(got, "data: 5") {
		t.Errorf("after it was taken away: %s", got)
	}
	back := h.Subscribe(safety, 1_000_001)
	defer back.Close()
	if got := take(t, back); !strings.Contains(got, "event: reset") || strings.Contains(got, "incident") {
		t.Errorf("who comes back after it was taken away gets %s", got)
	}
	give(6, "other")
	if got := take(t, r); got != "" {
		t.Errorf("what is another's: %s", got)
	}
	r.May(live.Scope{Nodes: map[string]bool{"other": true}})
	give(7, "other")
	if got := take(t, r); !strings.Contains(got, "data: 7") {
		t.Errorf("after its part has changed: %s", got)
	}
}
