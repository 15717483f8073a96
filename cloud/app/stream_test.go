package app_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/drivers/device"
)

// flow is the writer of an endless answer.
type flow struct {
	header http.Header
	status int
	out    *io.PipeWriter
}

func (f *flow) Header() http.Header              { return f.header }
func (f *flow) Write(b []byte) (int, error)      { return f.out.Write(b) }
func (f *flow) WriteHeader(status int)           { f.status = status }
func (f *flow) Flush()                           {}
func (f *flow) SetWriteDeadline(time.Time) error { return nil }

// listen opens a stream that asks for a foreign site's readings, lets something happen, and answers what it says until the
// end mark, and the number of the last event.
func (m *matrix) listen(w who, last string, happen func(), end string) (text, id string) {
	m.t.Helper()
	ctx, stop := context.WithCancel(m.t.Context())
	r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/stream?site=s-sib&device=gw-sib/gas-1", nil)
	m.sign(r, w, "")
	r.Header.Set("Last-Event-ID", last)
	in, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.handler.ServeHTTP(&flow{header: http.Header{}, out: out}, r)
		_ = out.Close()
	}()
	lines := bufio.NewScanner(in)
	for happened := false; lines.Scan(); {
		line := lines.Text()
		text += line + "\n"
		if strings.HasPrefix(line, "event: ping") && !happened { // it is subscribed
			happened = true
			happen()
		}
		if n, ok := strings.CutPrefix(line, "id: "); ok {
			id = n
		}
		if strings.Contains(line, end) {
			break
		}
	}
	stop()
	_ = in.Close()
	<-done
	return text, id
}

// Live events and those told to a reader that comes back are of the reader's own part of the street.
func TestStreamKeepsToItsPart(t *testing.T) {
	m := newMatrix(t)
	feed := m.app.Feed()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- feed.Run(ctx) }()
	happen := func() { // the own incident last: when it is told, everything else has been
		all := m.app.Hub().Subscribe(live.Scope{All: true}, 0)
		defer all.Close()
		for _, x := range []string{"sib", "above", "loose"} {
			feed.Incident("GJ-" + x)
			feed.Gateway("gw-" + x)
			feed.Readings("gw-"+x, []device.Reading{{Device: "gas-1", Point: "level", Value: 7, Quality: device.Good, Time: time.Now()}})
		}
		for told := ""; !strings.Contains(told, `"id":"GJ-sib"`) || !strings.Contains(told, `"id":"s-sib"`); {
			<-all.More()
			frame, err := all.Take()
			if err != nil {
				t.Error(err)
			}
			told += string(frame)
		}
		feed.Gateway("gw-own")
		feed.Incident("GJ-own")
	}
	first := ""
	for _, back := range []bool{false, true} { // after the first number, the other readers' events are told again
		for _, w := range []who{{"viewer", ""}, {"viewer", "n-own"}, {"link", ""}} {
			last, end, happen := "", `"id":"GJ-own"`, happen
			if back {
				last, happen = first, func() {}
			}
			text, id := m.listen(w, last, happen, end)
			if first == "" {
				first = id
			}
			for _, word := range w.foreign() {
				if strings.Contains(text, word) {
					t.Errorf("%s, back: %v: the stream tells of %s: %s", w.name(), back, word, text)
				}
			}
			if w.node == "" && w.role == "viewer" && !back && !(strings.Contains(text, "GJ-sib") || strings.Contains(text, "s-sib")) {
				t.Errorf("who sees all hears nothing of the others: %s", text)
			}
		}
	}
	// What lies elsewhere and was given to the reader's own part is heard of too: it is in its list.
	for _, deed := range []string{"verify", "accept", "dispatch"} {
		if status, body := m.ask(who{"street", ""}, "POST", "/incidents/GJ-above/"+deed, map[string]string{"dispatch": `{"to":{"kind":"node","id":"n-own"}}`}[deed]); status >= 300 {
			t.Fatalf("%s: %d %s", deed, status, body)
		}
	}
	given, _ := m.listen(who{"viewer", "n-own"}, "", func() {
		all := m.app.Hub().Subscribe(live.Scope{All: true}, 0)
		defer all.Close()
		feed.Incident("GJ-above")
		<-all.More()
		feed.Incident("GJ-own")
	}, `"id":"GJ-own"`)
	if !strings.Contains(given, `"id":"GJ-above"`) {
		t.Errorf("who it was given to hears nothing of it: %s", given)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for w, want := range map[who]int{{role: "nobody"}: 401, {role: "none"}: 403, {role: "must"}: 403} {
		if status, body := m.ask(w, "GET", "/stream", ""); status != want {
			t.Errorf("stream for %s: %d %s", w.name(), status, body)
		}
	}
	for w, want := range map[who]int{{role: "nobody"}: 401, {role: "link"}: 401, {"street", "n-own"}: 403, {role: "must"}: 403, {role: "viewer"}: 200} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil)
		m.sign(r, w, "")
		out := httptest.NewRecorder()
		if m.handler.ServeHTTP(out, r); out.Code != want {
			t.Errorf("metrics for %s: %d, want %d", w.name(), out.Code, want)
		}
	}
}
