// Package control is the door by which the commands of this machine speak with the running gateway: HTTP on a unix socket in the data
// folder, for the gateway's own user alone. The app serves it; `gateway claim`, `handover`, `scan` and others knock.
//
// It promises: the socket of a gateway that was killed does not keep the next one from listening; one that is served is left alone;
// a command that finds nobody learns that at once.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// ErrNobody says that no gateway serves the socket.
var ErrNobody = errors.New("no gateway runs on this data folder")

// Path is the socket of a gateway's data folder.
func Path(data string) string { return filepath.Join(data, "control.sock") }

// A Server answers commands.
type Server struct {
	listener net.Listener
	server   *http.Server
}

const stopWait = time.Second // for the answers that are under way

// Listen opens the socket of a data folder.
func Listen(data string, handler http.Handler, log *slog.Logger) (*Server, error) {
	path := Path(data)
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: another gateway does", path), c.Close())
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // the folder is closed to others already
		return nil, errors.Join(fmt.Errorf("close %s to others: %w", path, err), l.Close())
	}
	return &Server{listener: l, server: &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}}, nil
}

// Run answers until ctx ends. What is being answered then has a second; a longer one's own context ends.
func (s *Server) Run(ctx context.Context) error {
	asked, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s.server.BaseContext = func(net.Listener) context.Context { return asked }
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(s.listener) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
		defer cancel()
		stop()
		if s.server.Shutdown(shut) != nil {
			err = s.server.Close()
		}
		err = errors.Join(err, <-done)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve control socket: %w", err)
	}
	return nil
}

// Close gives the socket back; after Run it does nothing.
func (s *Server) Close() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close control socket: %w", err)
	}
	return nil
}

// A Refusal is an answer that says no, and why.
type Refusal struct {
	Code string   `json:"code"` // "busy", "config", …
	ZH   string   `json:"zh"`
	EN   string   `json:"en"`
	More []string `json:"more,omitempty"` // alerts, or places of mistakes
}

// Error is the English sentence.
func (r *Refusal) Error() string { return r.EN }

// Answer writes what a handler has found out: v as JSON, or err, a Refusal among it with its own words.
func Answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		refusal := &Refusal{Code: "failed", ZH: err.Error(), EN: err.Error()}
		_ = errors.As(err, &refusal)
		w.WriteHeader(http.StatusConflict)
		v = refusal
	}
	_ = json.NewEncoder(w).Encode(v) // the other end is gone: nobody is left to tell
}

// Dial is a client of the gateway that runs on a data folder; its host name does not matter.
func Dial(data string) *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", Path(data))
		}}}
}

// Ask sends one request and decodes the answer into v. The error is ErrNobody when no gateway runs, and a Refusal when it says no.
func Ask(ctx context.Context, data, method, path string, v any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://gateway"+path, nil)
	if err != nil {
		return fmt.Errorf("ask gateway: %w", err)
	}
	res, err := Dial(data).Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return ErrNobody
		}
		return fmt.Errorf("ask gateway: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or of no use
	decode := json.NewDecoder(res.Body)
	if res.StatusCode != http.StatusOK {
		refusal := &Refusal{}
		if err := decode.Decode(refusal); err != nil || refusal.EN == "" {
			return fmt.Errorf("ask gateway: it answers %s", res.Status)
		}
		return refusal
	}
	if v == nil {
		return nil
	}
	if err := decode.Decode(v); err != nil {
		return fmt.Errorf("read the gateway's answer: %w", err)
	}
	return nil
}
