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
// with -dedup.minScrapeInterval=1ms, or a reading that was written twice counts twice. Up to version 1.84 a flush brings
// rows to its disk; a newer one does that at intervals, for which each write waits: -inmemoryDataFlushInterval=1s is best.
type Victoria struct {
	base, auth string
	http       *http.Client
	newest     newest

	mu      sync.Mutex // one write at a time
	request remoteWrite
	ignored float64 // rows that the server had dropped when last seen; its counter is a second late
	known   bool
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

// Write implements Store. VictoriaMetrics confirms before it has anything on its disk, so it is made to flush. It also
// confirms what it then drops, so that what it would drop is refused here, and its counter of dropped rows is watched.
func (v *Victoria) Write(ctx context.Context, columns []Column) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, err := v.state(ctx)
	if err != nil {
		return err
	}
	if err := v.newest.learn(ctx, columns); err != nil {
		return err
	}
	var refused RefusedError
	fit := before.fit(columns, time.Now(), &refused)
	if err := bisect(fit, &refused, func(cs []Column) error { return v.pushAll(ctx, cs) }); err != nil {
		return err
	}
	if err := v.flush(ctx, before, &refused); err != nil {
		return err
	}
	v.newest.wrote(fit)
	return refused.orNil()
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

// flush answers nil when all that was written since the state before is on the server's disk.
func (v *Victoria) flush(ctx context.Context, before serverState, refused *RefusedError) error {
	body, err := v.get(ctx, "/internal/force_flush", nil)
	if err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := body.Close(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if before.settle > 0 {
		select {
		case <-time.After(before.settle):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	after, err := v.state(ctx)
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
