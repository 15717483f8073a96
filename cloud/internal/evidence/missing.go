package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	format "github.com/linshao/linshao/cloud/wire/evidence"
)

// A Missing is a part that a bundle should have and has not, as its gateway says.
type Missing struct {
	Gateway string `json:"gateway"`
	Bundle  string `json:"bundle"`
	Alert   string `json:"alert"`
	Part    string `json:"part" doc:"such as clip-cam-1.mp4"`
	Why     string `json:"why" doc:"in English"`
}

// MissingOf lists what the bundles of an incident should have and have not. What is announced of them stands at the beginning of their
// files; one of which that has not come yet says nothing.
func (s *Service) MissingOf(ctx context.Context, incident string) ([]Missing, error) {
	all, err := s.list(ctx, `SELECT e.gateway, e.id, e.alert FROM evidence e JOIN incident_alerts a ON a.gateway = e.gateway AND a.alert = e.alert WHERE a.incident = ? AND e.state <> 'expired' ORDER BY e.at, e.id`, incident)
	if err != nil {
		return nil, err
	}
	out := []Missing{}
	for _, r := range all {
		h, err := s.head(r)
		if err != nil {
			return nil, err
		}
		if h == nil {
			continue
		}
		for _, line := range h.Manifest.Missing {
			part, why, _ := strings.Cut(line, ": ")
			out = append(out, Missing{r.gateway, r.id, r.alert, part, why})
		}
	}
	return out, nil
}

// head reads the beginning of a bundle; nil: it is not here.
func (s *Service) head(r ref) (*format.Head, error) {
	for _, suffix := range []string{whole, partial} {
		f, err := os.Open(s.path(r.gateway, r.id, suffix))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read evidence %s: %w", r.id, err)
		}
		h, err := format.ReadHead(f)
		f.Close() //nolint:errcheck // it was only read
		if err != nil || h.ID != r.id {
			return nil, nil // it has not come yet, or is damaged, which the bundle's state says
		}
		return h, nil
	}
	return nil, nil
}
