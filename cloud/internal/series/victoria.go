package series

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Victoria keeps readings in VictoriaMetrics: written as Prometheus remote write, read by its own HTTP interface. Of two
// readings of one point and millisecond the later quality counts, but of two values the server keeps either. It must run
// with -dedup.minScrapeInterval=1ms, or a reading that was written twice counts twice.
//
// It is Buffered: a flush shows rows to readers and, up to version 1.84, brings their index to the disk, but the rows stay
// in memory for up to 11 s and as long as their merge takes. A merge syncs files, folder, and the folder around it before
// it counts, so what has left the memory survives a power cut too. Nothing tells of a single row where it is, hence a
// Receipt counts as settled when the same process of the server has run long enough since, and then had a moment without
// merges; about 16 s in all. Newer servers, of which none was measured, need three of their intervals and 6 s:
// -inmemoryDataFlushInterval=1s is best. A snapshot would write what is in memory at once, but leaves out what is just
// being merged, links every file of the store each time (0.2 s with 12 parts, 0.5 s with 100), and stays behind on the
// disk when we die before we have deleted it.
type Victoria struct {
	base, auth string
	http       *http.Client
	newest     newest

	mu      sync.Mutex // one write at a time
	request remoteWrite
	ignored float64 // rows that the server had dropped when last seen; its counter is a second late
	known   bool

	settling settling // guarded by mu
}

// OpenVictoria makes a store on a server. It need not answer yet.
func OpenVictoria(s Server) (*Victoria, error) {
	v := &Victoria{base: strings.TrimSuffix(s.URL, "/"), http: newHTTP()}
	v.newest.latest = v.Latest
	if s.Token != "" {
		user, password, ok := strings.Cut(s.Token, ":")
		if !ok {
			return nil, errors.New("VictoriaMetrics asks for user:password, not for a token")
		}
		v.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	return v, nil
}

// Close releases the connections.
func (v *Victoria) Close() error {
	v.http.CloseIdleConnections()
	return nil
}

// Write implements Store, without the receipt of Deliver.
func (v *Victoria) Write(ctx context.Context, columns []Column) error {
	_, err := v.Deliver(ctx, columns)
	return err
}

// Deliver implements Buffered. VictoriaMetrics also confirms what it then drops, so that what it would drop is refused
// here, and its counter of dropped rows is watched.
func (v *Victoria) Deliver(ctx context.Context, columns []Column) (Receipt, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, err := v.grown(ctx)
	if err != nil {
		return nil, err
	}
	life := v.settling.life
	if err := v.newest.learn(ctx, columns); err != nil {
		return nil, err
	}
	var refused RefusedError
	fit := before.fit(columns, time.Now(), &refused)
	if err := bisect(fit, &refused, func(cs []Column) error { return v.pushAll(ctx, cs) }); err != nil {
		return nil, err
	}
	if err := v.flush(ctx, before, &refused); err != nil {
		return nil, err
	}
	v.newest.wrote(fit)
	return taken{v, life, v.settling.looked}, refused.orNil()
}

func (v *Victoria) pushAll(ctx context.Context, columns []Column) error {
	v.request.raw = v.request.raw[:0]
	for i := range columns {
		v.request.add(&columns[i], v.newest.of(&columns[i]))
		if len(v.request.raw) > maxRequest {
			if err := v.push(ctx, &v.request); err != nil {
				return err
			}
		}
	}
	return v.push(ctx, &v.request)
}

// flush answers nil when readers see all that was written since the state before, by the same process of the server.
func (v *Victoria) flush(ctx context.Context, before serverState, refused *RefusedError) error {
	body, err := v.get(ctx, "/internal/force_flush", nil)
	if err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := body.Close(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	after, err := v.look(ctx)
	if err != nil {
		return err
	}
	if after.started != before.started {
		return errors.New("VictoriaMetrics was started again while it wrote")
	}
	if n := after.ignored - v.ignored; v.known && n > 0 {
		refused.Warning = fmt.Sprintf("VictoriaMetrics dropped %.0f rows without a word, perhaps of another writer: see its metric vm_rows_ignored_total", n)
	}
	v.ignored, v.known = after.ignored, true
	return nil
}

func (v *Victoria) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask VictoriaMetrics: %w", err)
	}
	return v.do(req)
}

func (v *Victoria) do(req *http.Request) (io.ReadCloser, error) {
	if v.auth != "" {
		req.Header.Set("Authorization", v.auth)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask VictoriaMetrics: %w", err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // what can be read of an error's words is enough
		resp.Body.Close()
		return nil, fmt.Errorf("ask VictoriaMetrics: %w", &answered{resp.StatusCode, strings.TrimSpace(string(said))})
	}
	return resp.Body, nil
}
