package street

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A crew does what the people of the street would: they take an incident after a while, and close it when it is over. They
// leave those of other compounds alone, and a few that nobody has taken yet.
type crew struct {
	cloud string
	now   func() time.Time
	http  *http.Client
	put   bool // one has been put off
}

func newCrew(cfg Config) *crew {
	return &crew{cloud: strings.TrimSuffix(cfg.Cloud, "/") + "/api/v1", now: cfg.Now, http: &http.Client{Timeout: 10 * time.Second}}
}

// task is what of an incident matters to the crew.
type task struct {
	ID, Site, Severity, Condition, Handling string
	Since, TakenAt, SuspendedAt             int64
	Late                                    bool
}

const crewRest = 6 * time.Second

func (c *crew) run(ctx context.Context) {
	for wait(ctx, crewRest) {
		for _, handling := range []string{"open", "handling"} {
			var page struct{ Incidents []task }
			if c.call(ctx, http.MethodGet, "/incidents?limit=100&handling="+handling, nil, &page) != nil {
				break // the cloud is away: they try again
			}
			for _, t := range page.Incidents {
				if Owns(t.Site) {
					c.work(ctx, t)
				}
			}
		}
	}
}

// work takes an incident that has waited, closes one that is over, or puts one off (挂起), of all of them one. What the cloud refuses is tried again later.
func (c *crew) work(ctx context.Context, t task) {
	now, mark := c.now().UnixMilli(), int64(0)
	for _, b := range []byte(t.ID) {
		mark = mark*31 + int64(b)
	}
	mark &= 0xffff
	patience := (30 + mark%110) * 1000
	path := "/incidents/" + t.ID
	switch {
	case t.Handling == "open" && t.Late, t.Handling == "open" && mark%5 != 0 && now-t.Since > patience && t.Severity != "A":
		_ = c.call(ctx, http.MethodPost, path+"/take", nil, nil)
	case t.Handling == "handling" && t.Condition == "recovered" && (t.Late || now-t.TakenAt > patience):
		outcome := "real"
		if mark%4 == 1 {
			outcome = "false_alarm"
		} else if mark%9 == 2 {
			outcome = "device_fault"
		}
		_ = c.call(ctx, http.MethodPost, path+"/close", map[string]any{"outcome": outcome, "note": "现场已查看"}, nil)
	case !c.put && t.Handling == "handling" && t.Severity != "A" && t.SuspendedAt == 0 && now-t.TakenAt > 20_000:
		until := c.now().Add(3 * 24 * time.Hour).UnixMilli()
		c.put = c.call(ctx, http.MethodPost, path+"/suspend", map[string]any{"until": until, "note": "等厂家送配件，已贴提示"}, nil) == nil
	}
}

func (c *crew) call(ctx context.Context, method, path string, in map[string]any, out *struct{ Incidents []task }) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.cloud+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the cloud: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask the cloud: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil || answer.StatusCode >= 300 {
		return fmt.Errorf("ask the cloud: %s: %.200s", answer.Status, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the cloud's answer: %w", err)
	}
	return nil
}
