package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// A plant is what the control port controls.
type plant interface {
	// Do makes something happen now.
	Do(e Event) error
	// State answers the truth.
	State() State
}

// faultOrder is the body of POST /fault.
type faultOrder struct {
	Device      string     `json:"device"` // a device or channel
	Kind        fault.Kind `json:"kind"`
	On          bool       `json:"on"`
	Probability float64    `json:"probability"` // of noise; 0: always
	DelayMs     int64      `json:"delay_ms"`    // of late; 0: 1000
}

// listenLoopback opens a TCP port and refuses any address that the network could reach.
func listenLoopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen at %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen at %q: a simulator listens on loopback only, write 127.0.0.1", addr)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return ln, nil
}

// controlRoutes are POST /fault, POST /do and GET /state.
func controlRoutes(p plant) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p.State()) // a reader that leaves is no mistake of ours
	})
	mux.HandleFunc("POST /fault", func(w http.ResponseWriter, r *http.Request) {
		var o faultOrder
		if !read(w, r, &o) {
			return
		}
		e := Event{Device: o.Device, Do: "mend", Fault: string(o.Kind), Probability: o.Probability, Delay: Span(time.Duration(o.DelayMs) * time.Millisecond)}
		if o.On {
			e.Do = "fault"
		}
		answer(w, p.Do(e))
	})
	mux.HandleFunc("POST /do", func(w http.ResponseWriter, r *http.Request) {
		var e Event
		if read(w, r, &e) {
			answer(w, p.Do(e))
		}
	})
	return mux
}

// read decodes a request; an unknown key is a mistake.
func read[T faultOrder | Event](w http.ResponseWriter, r *http.Request, into *T) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		answer(w, fmt.Errorf("read request: %w", err))
		return false
	}
	return true
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// serveControl serves until ctx ends and then closes.
func serveControl(ctx context.Context, ln net.Listener, p plant) error {
	server := &http.Server{Handler: controlRoutes(p), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve control port: %w", err)
	}
	return nil
}

// faultTarget applies fault and mend to switches: all that a plant without physics can do.
func faultTarget(switches map[string]*fault.Switches, e Event) error {
	if err := checkDeed(e); err != nil {
		return err
	}
	s, known := switches[e.Device]
	if !known {
		return fmt.Errorf("there is no device or channel %q", e.Device)
	}
	if !slices.Contains([]string{"fault", "mend"}, e.Do) {
		return fmt.Errorf("%s %s: a bench device cannot do that", e.Do, e.Device)
	}
	deeds()[e.Do](&thing{faults: s}, e)
	return nil
}
