package commission

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// A line of an answer: progress any number of times, then either a report or an error.
type message struct {
	Progress *Progress       `json:"progress,omitempty"`
	Report   json.RawMessage `json:"report,omitempty"`
	Error    string          `json:"error,omitempty"`
	Code     string          `json:"code,omitempty"` // of the error: one of the words of sentinels
}

// sentinels are the errors that callers tell apart, by their word on the socket.
func sentinels() map[string]error {
	return map[string]error{"channel": ErrNoChannel, "request": ErrRequest, "lent": poll.ErrLent, "alarm": poll.ErrAlarm, "held": unix.EWOULDBLOCK}
}

// Handler serves a gateway's commissioning on its control socket: POST /commission/scan, probe and read, each with its request as
// JSON, answered by JSON lines. newService is asked for each request, so that the profiles take no memory while nobody commissions.
func Handler(newService func() (*Service, error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /commission/scan", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, newService, func(ctx context.Context, s *Service, req ScanRequest, tell func(Progress)) (Report, error) {
			return s.Scan(ctx, req, tell)
		})
	})
	mux.HandleFunc("POST /commission/probe", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, newService, func(ctx context.Context, s *Service, req ProbeRequest, tell func(Progress)) (ProbeReport, error) {
			return s.Probe(ctx, req, tell)
		})
	})
	mux.HandleFunc("POST /commission/read", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, newService, func(ctx context.Context, s *Service, req ReadRequest, _ func(Progress)) (ReadReport, error) {
			return s.Read(ctx, req)
		})
	})
	return mux
}

// mostRequest bounds what a command may ask, in bytes.
const mostRequest = 64 << 10

func serve[Q, A any](w http.ResponseWriter, r *http.Request, newService func() (*Service, error), do func(context.Context, *Service, Q, func(Progress)) (A, error)) {
	out := &lines{w: w}
	var req Q
	body := http.MaxBytesReader(w, r.Body, mostRequest)
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // HTTP/1 can, whatever else cannot
	if err := json.NewDecoder(body).Decode(&req); err != nil {
		out.put(message{Error: err.Error(), Code: "request"})
		return
	}
	s, err := newService()
	if err != nil {
		out.put(message{Error: err.Error()})
		return
	}
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	if r.ContentLength < 0 { // the caller ends its request when it wants no more, and waits for the report
		w.Header().Set("Connection", "close")
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, body) // however it ends, nobody wants more
			stop()
		}()
		defer func() {
			_ = control.SetReadDeadline(time.Unix(1, 0))
			<-ended
		}()
	}
	answer, err := do(ctx, s, req, func(p Progress) { out.put(message{Progress: &p}) })
	if err != nil {
		m := message{Error: err.Error()}
		for word, sentinel := range sentinels() {
			if errors.Is(err, sentinel) {
				m.Code = word
			}
		}
		out.put(m)
		return
	}
	data, err := json.Marshal(answer)
	if err != nil {
		out.put(message{Error: err.Error()})
		return
	}
	out.put(message{Report: data})
}

// lines writes an answer, each line at once.
type lines struct {
	mu sync.Mutex
	w  http.ResponseWriter
}

func (l *lines) put(m message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if json.NewEncoder(l.w).Encode(m) == nil { // an error: the other end is gone, and the request's context says so
		_ = http.NewResponseController(l.w).Flush()
	}
}

// A Client commissions through the gateway that runs, which lends the line and goes on polling afterwards.
type Client struct {
	data string
	http *http.Client
}

// Dial finds the gateway that runs over a data folder; nil when none does.
func Dial(ctx context.Context, data string) *Client {
	if control.Ask(ctx, data, http.MethodGet, "/site", nil) != nil {
		return nil
	}
	return &Client{data, control.Dial(data)}
}

// Scan is Service.Scan of the gateway. A caller who wants no more gets what was told until then.
func (c *Client) Scan(ctx context.Context, req ScanRequest, progress func(Progress)) (Report, error) {
	var r, sofar Report
	err := c.ask(ctx, "scan", req, &r, func(p Progress) {
		switch p.Kind {
		case Planned:
			sofar.Plan = *p.Plan
		case Known:
			sofar.Found = append(sofar.Found, *p.Found)
		}
		if progress != nil {
			progress(p)
		}
	})
	if err != nil && ctx.Err() != nil {
		sofar.Stopped = true
		return sofar, nil
	}
	return r, err
}

// Probe is Service.Probe of the gateway. A caller who wants no more gets what was read until then.
func (c *Client) Probe(ctx context.Context, req ProbeRequest, progress func(Progress)) (ProbeReport, error) {
	var r ProbeReport
	err := c.ask(ctx, "probe", req, &r, progress)
	if err != nil && ctx.Err() != nil {
		return ProbeReport{Channel: req.Channel, Address: req.Address, Stopped: true}, nil
	}
	return r, err
}

// Read is Service.Read of the gateway.
func (c *Client) Read(ctx context.Context, req ReadRequest) (ReadReport, error) {
	var r ReadReport
	return r, c.ask(ctx, "read", req, &r, func(Progress) {})
}

// lastWord is how long a report is waited for that was asked to come early.
const lastWord = 5 * time.Second

func (c *Client) ask(ctx context.Context, what string, req, report any, progress func(Progress)) error {
	body, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("ask gateway: %w", err)
	}
	open, end := io.Pipe()
	defer func() { _ = end.Close() }()
	asking, give := context.WithCancel(context.WithoutCancel(ctx))
	defer give()
	defer context.AfterFunc(ctx, func() { // the end of the request asks for the report as it is
		_ = end.Close()
		patience := time.AfterFunc(lastWord, give)
		context.AfterFunc(asking, func() { patience.Stop() })
	})()
	ask, err := http.NewRequestWithContext(asking, http.MethodPost, "http://gateway/commission/"+what, io.MultiReader(bytes.NewReader(body), open))
	if err != nil {
		return fmt.Errorf("ask gateway: %w", err)
	}
	res, err := c.http.Do(ask)
	if err != nil {
		return fmt.Errorf("ask gateway: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or of no use
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask gateway: it answers %s", res.Status)
	}
	in := json.NewDecoder(bufio.NewReader(res.Body))
	for {
		var m message
		if err := in.Decode(&m); err != nil {
			return fmt.Errorf("read the gateway's answer: %w", err)
		}
		switch {
		case m.Progress != nil && progress != nil:
			progress(*m.Progress)
		case m.Error != "":
			if sentinel := sentinels()[m.Code]; sentinel != nil {
				return told{m.Error, sentinel}
			}
			return errors.New(m.Error)
		case m.Report != nil:
			if err := json.Unmarshal(m.Report, report); err != nil {
				return fmt.Errorf("read the gateway's report: %w", err)
			}
			return nil
		}
	}
}

// told is an error of the gateway, with its words, and one that callers know.
type told struct {
	text string
	is   error
}

func (t told) Error() string { return t.text }

func (t told) Unwrap() error { return t.is }
