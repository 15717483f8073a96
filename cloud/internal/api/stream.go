package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// Times of a live stream. A browser's script cannot see comments, so the heartbeat is an event too.
const (
	frameRest  = 250 * time.Millisecond // at most four frames a second
	heartbeat  = 4 * time.Second
	writeLimit = 10 * time.Second // a reader that takes nothing for so long is dropped
	recheck    = 15               // heartbeats after which the session is looked at again
	wantMost   = 32               // sites, and devices, whose readings one stream may ask for
)

// stream answers server-sent events until the reader leaves, its session ends, or the cloud stops.
func (a *API) stream(w http.ResponseWriter, r *http.Request) {
	who := callerOf(r.Context())
	q := r.URL.Query()
	scope := live.Scope{Places: some(q["site"]), Devices: some(q["device"]), Only: who.incident}
	if who.user.Role == auth.Link {
		scope.Places, scope.Devices = nil, nil // its charts are read on demand
	} else if err := a.mayHear(r.Context(), who.user, &scope); err != nil {
		p, ok := errors.AsType[*problem](a.known(err))
		if !ok {
			p = errInternal()
		}
		p.write(w, r)
		return
	}
	seen := r.Header.Get("Last-Event-ID")
	if seen == "" {
		seen = q.Get("after") // of a page that opens its stream anew to hear more: a script cannot set the header
	}
	last, _ := strconv.ParseInt(seen, 10, 64) // a wrong one is as good as none
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	s := &streaming{a: a, w: w, r: r, out: http.NewResponseController(w), reader: a.cfg.Hub.Subscribe(scope, last), scope: scope}
	defer s.reader.Close()
	if !s.send([]byte("retry: 2000\n\n")) || !s.ping() {
		return
	}
	s.run()
}

// mayHear fills in what a user may hear of, and leaves out a site or device which the user may not see.
func (a *API) mayHear(ctx context.Context, u auth.User, s *live.Scope) error {
	if u.MustChange {
		return errPassword()
	}
	nodes, all := u.Where(auth.See)
	if !all && len(nodes) == 0 {
		return errForbidden()
	}
	if s.All, s.Sites, s.Nodes = all, nil, nil; all {
		return nil
	}
	var err error
	if s.Sites, err = tree.SitesBelow(ctx, a.cfg.DB.Reader(), nodes...); err != nil {
		return err
	}
	if s.Nodes, err = tree.NodesBelow(ctx, a.cfg.DB.Reader(), nodes...); err != nil {
		return err
	}
	s.Places = slices.DeleteFunc(s.Places, func(site string) bool { return !s.Sites[site] })
	var devices []string
	for _, d := range s.Devices {
		gateway, _, _ := strings.Cut(d, "/")
		site, err := org.SiteOf(ctx, a.cfg.DB.Reader(), gateway)
		if err != nil && !isUnknown(err) {
			return err
		}
		if s.Sites[site] {
			devices = append(devices, d)
		}
	}
	s.Devices = devices
	return nil
}

// some are the first things asked for: more than that no browser has pages open of.
func some(asked []string) []string {
	asked = slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return s == "" })
	return asked[:min(len(asked), wantMost)]
}

type streaming struct {
	a      *API
	w      http.ResponseWriter
	r      *http.Request
	out    *http.ResponseController
	reader *live.Reader
	scope  live.Scope
	beats  int
}

func (s *streaming) run() {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	<-rest.C
	more := s.reader.More()
	for {
		select {
		case <-s.r.Context().Done():
			return
		case <-s.a.cfg.Quit:
			return
		case <-beat.C:
			if !s.ping() {
				return
			}
		case <-more:
			frame, err := s.reader.Take()
			if err != nil {
				s.a.cfg.Log.Error("live frame not made", "err", err)
				return
			}
			if len(frame) > 0 && !s.send(frame) {
				return
			}
			more = nil // until the rest is over
			rest.Reset(frameRest)
		case <-rest.C:
			more = s.reader.More()
		}
	}
}

// ping keeps proxies and the page's watchdog content, tells ingest that somebody still looks, and ends the stream of a session that is over.
func (s *streaming) ping() bool {
	if s.beats++; s.beats%recheck == 0 {
		c := caller{}
		if err := s.a.identify(s.r, &c); err != nil || c.user.Role == "" {
			return false
		}
		if c.incident == "" {
			if err := s.a.mayHear(s.r.Context(), c.user, &s.scope); err != nil {
				return false
			}
			s.reader.May(s.scope)
		}
	}
	s.a.watch(s.a.cfg.Feed.gatewaysOf(s.scope)...)
	return s.send(fmt.Appendf(nil, ": heartbeat\nevent: ping\ndata: {\"now\":%d}\n\n", s.a.cfg.Now().UnixMilli()))
}

func (s *streaming) send(b []byte) bool {
	if err := s.out.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return false
	}
	if _, err := s.w.Write(b); err != nil {
		return false
	}
	return s.out.Flush() == nil
}
