package evidence

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	format "github.com/linshao/linshao/cloud/wire/evidence"
)

// A Clip is a piece of video or a still of an incident.
type Clip struct {
	ID          string         `json:"id"`
	Bundle      string         `json:"bundle" doc:"the evidence bundle that it is in"`
	Gateway     string         `json:"gateway"`
	Alert       string         `json:"alert"`
	Kind        string         `json:"kind" enum:"clip,still"`
	Camera      string         `json:"camera" doc:"device"`
	Name        string         `json:"name" doc:"of the camera, for people"`
	Type        string         `json:"type" doc:"media type with codec, as a browser's MediaSource takes it"`
	Width       int            `json:"width"`
	Height      int            `json:"height"`
	Frames      int            `json:"frames"`
	At          int64          `json:"at" doc:"of the alert (T0), by the gateway's clock, Unix ms"`
	From        int64          `json:"from" doc:"of the first frame, by the gateway's clock, Unix ms"`
	To          int64          `json:"to"`
	CameraFrom  int64          `json:"camera_from,omitempty" doc:"of the first frame, by the camera's own clock, Unix ms; absent: it did not say"`
	SkewMS      *int64         `json:"skew_ms,omitempty" doc:"the camera's clock minus the gateway's; absent: it did not say"`
	SHA256      string         `json:"sha256"`
	Size        int64          `json:"size" doc:"bytes"`
	State       string         `json:"state" enum:"uploading,whole,refused,expired"`
	Percent     int            `json:"percent" doc:"of its bundle that is here"`
	Why         *incident.Text `json:"why,omitempty" doc:"what is wrong with its bundle"`
	Holes       []Hole         `json:"holes"`
	Interrupted string         `json:"interrupted,omitempty" doc:"why it is shorter than it should be"`
}

// A Hole is a time of which a clip has no picture, Unix ms.
type Hole struct {
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Reason string `json:"reason"`
}

const clipColumns = `c.id, c.bundle, c.gateway, e.alert, c.kind, c.type, c.video, c.size, c.sha256, e.state, e.at, e.arrived, e.size, e.why_zh, e.why_en FROM evidence_clips c JOIN evidence e ON e.gateway = c.gateway AND e.id = c.bundle`

// Of lists the clips of an incident, by time of their alerts.
func Of(ctx context.Context, q db.Querier, id string) ([]Clip, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+clipColumns+` JOIN incident_alerts a ON a.gateway = e.gateway AND a.alert = e.alert WHERE a.incident = ? ORDER BY e.at, c.bundle, c.position`, id)
	if err != nil {
		return nil, fmt.Errorf("list clips of %s: %w", id, err)
	}
	defer rows.Close()
	all := []Clip{}
	for rows.Next() {
		c, err := scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list clips of %s: %w", id, err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// Get answers one clip; ErrUnknown.
func Get(ctx context.Context, q db.Querier, id string) (Clip, error) {
	c, err := scan(q.QueryRowContext(ctx, `SELECT `+clipColumns+` WHERE c.id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, ErrUnknown
	}
	if err != nil {
		return c, fmt.Errorf("read clip %s: %w", id, err)
	}
	return c, nil
}

func scan(into func(...any) error) (c Clip, err error) {
	var video string
	var arrived int
	var bundle int64
	var why incident.Text
	if err := into(&c.ID, &c.Bundle, &c.Gateway, &c.Alert, &c.Kind, &c.Type, &video, &c.Size, &c.SHA256, &c.State, &c.At, &arrived, &bundle, &why.ZH, &why.EN); err != nil {
		return c, err
	}
	var v format.Video
	if err := json.Unmarshal([]byte(video), &v); err != nil {
		return c, err
	}
	c.Camera, c.Name, c.Width, c.Height, c.Frames, c.Interrupted = v.Camera, v.Name, v.Width, v.Height, v.Frames, v.Interrupted
	c.From, c.To = v.From.UnixMilli(), v.To.UnixMilli()
	if !v.CameraFrom.IsZero() {
		skew := v.CameraFrom.Sub(v.From).Milliseconds()
		c.CameraFrom, c.SkewMS = v.CameraFrom.UnixMilli(), &skew
	}
	c.Holes = []Hole{}
	for _, h := range v.Holes {
		c.Holes = append(c.Holes, Hole{h.From.UnixMilli(), h.To.UnixMilli(), h.Reason})
	}
	c.Percent = arrived * 100 / max(format.Chunks(bundle), 1)
	if c.State == Arrived {
		c.State = Uploading // to people that is all one
	}
	if why.ZH != "" {
		c.Why = &why
	}
	return c, nil
}

// A Bundle is where one is.
type Bundle struct{ Gateway, ID, Alert, State string }

// Find answers a bundle by its id; ErrUnknown.
func Find(ctx context.Context, q db.Querier, id string) (b Bundle, err error) {
	err = q.QueryRowContext(ctx, `SELECT gateway, id, alert, state FROM evidence WHERE id = ? AND number > 0 ORDER BY heard LIMIT 1`, id).Scan(&b.Gateway, &b.ID, &b.Alert, &b.State)
	if errors.Is(err, sql.ErrNoRows) {
		return b, ErrUnknown
	}
	if err != nil {
		return b, fmt.Errorf("read evidence %s: %w", id, err)
	}
	return b, nil
}

// A File is a bundle or a part of one, to be read and closed.
type File struct {
	*io.SectionReader
	io.Closer
}

// Open opens a bundle's file; ErrUnknown: it is not whole here, or gone.
func (s *Service) Open(b Bundle) (*File, error) { return s.section(b.Gateway, b.ID, 0, -1) }

// OpenClip opens the part of a bundle that a clip is. A refused one is not opened: nobody knows what it shows.
func (s *Service) OpenClip(ctx context.Context, c Clip) (*File, error) {
	if c.State != Whole {
		return nil, ErrUnknown
	}
	var start int64
	if err := s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT start FROM evidence_clips WHERE id = ?`, c.ID).Scan(&start); err != nil {
		return nil, fmt.Errorf("read clip %s: %w", c.ID, err)
	}
	return s.section(c.Gateway, c.Bundle, start, c.Size)
}

func (s *Service) section(gateway, id string, start, size int64) (*File, error) {
	f, err := os.Open(s.path(gateway, id, whole))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("open evidence: %w", err)
	}
	if size < 0 {
		st, err := f.Stat()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open evidence: %w", err), f.Close())
		}
		size = st.Size()
	}
	return &File{io.NewSectionReader(f, start, size), f}, nil
}

// viewEvery is how long one note covers a person's look at one thing: a player asks for it in many pieces.
const viewEvery = 10 * time.Minute

// Viewed notes in the audit that the person of the context looks at a clip or takes a bundle.
func (s *Service) Viewed(ctx context.Context, act, about, site string, detail map[string]string) error {
	v, now := view{audit.Who(ctx), act, about}, s.cfg.Now()
	if s.noted(v, now) {
		return nil
	}
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		return audit.Add(ctx, tx, audit.Entry{At: now, Act: act, Kind: "evidence", About: about, Site: site, Detail: detail})
	})
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.viewed[v] = now
	}
	return err
}

// noted says whether a look is part of one that was noted, and forgets those that are over.
func (s *Service) noted(v view, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.viewed, func(_ view, at time.Time) bool { return now.Sub(at) >= viewEvery || now.Before(at) })
	_, noted := s.viewed[v]
	return noted
}
