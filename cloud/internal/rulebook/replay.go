package rulebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// Limits of one replay.
const (
	MostSites = 30
	MostDraft = 32 << 10         // bytes
	Longest   = 10 * time.Second // after which it ends and says how far it has come
	warm      = 12 * time.Hour   // judged before the period without being reported, so that sessions and windows are known
	lookEvery = 4096             // steps between two looks at the clock
)

// An Ask says what is to be played. The caller may see the sites.
type Ask struct {
	Draft    Draft
	Sites    []string
	From, To time.Time
	Limit    time.Duration // 0: Longest
	// Went, when not nil, hears after each part how far it has come, 0 to 1.
	Went func(share float64)
}

// A Replayer plays drafts.
type Replayer struct {
	Book  *Book
	DB    *db.DB
	Store Readings
	Now   func() time.Time // for the limit alone; the real clock, which goes on
}

// Play judges stored readings by the shipped rules and by the draft. Sites are played one after another; what is not done when the
// limit is over is left out of both sides and told in Covered. The error is that of the stores, or of ctx.
func (r *Replayer) Play(ctx context.Context, a Ask) (ReplayResult, error) {
	if a.Limit == 0 {
		a.Limit = Longest
	}
	t := &table{began: r.Now(), ask: a}
	yards, err := yardsOf(ctx, r.DB.Reader(), a.Sites)
	if err != nil {
		return ReplayResult{}, err
	}
	for i := range yards {
		t.sites, t.site = len(yards), i
		if err := r.site(ctx, t, &yards[i]); err != nil {
			return ReplayResult{}, err
		}
	}
	out := t.result(r.Now().Sub(t.began))
	out.Versions = r.Book.Versions(a.Draft)
	return out, nil
}

// site plays one gateway's readings.
func (r *Replayer) site(ctx context.Context, t *table, y *yard) error {
	c := ReplayCovered{Site: y.site, Name: y.name, Gateway: y.gateway, To: t.ask.From.UnixMilli()}
	if r.Now().Sub(t.began) >= t.ask.Limit {
		c.Left = LeftTime
		t.covered = append(t.covered, c)
		return nil
	}
	both, err := r.pair(t, y)
	if err != nil {
		c.Left = LeftRules
		t.covered = append(t.covered, c)
		return nil //nolint:nilerr // a site whose devices do not fit the rules is told as not covered
	}
	if c.Points = y.only(both.looks); c.Points == 0 {
		c.Left = LeftNone
		t.covered = append(t.covered, c)
		return nil
	}
	if both, err = r.pair(t, y); err != nil { // anew, of the points that are left: of what is not fetched nothing is put back
		return err
	}
	recorded, err := y.recorded(ctx, r.DB.Reader(), t.ask.Draft.IDs, t.ask.From.Add(-warm), t.ask.To)
	if err != nil {
		return err
	}
	s := &source{yard: y, store: r.Store, resets: ends(recorded, r.Book.set, t.ask.Draft.set)}
	give := func(step rules.ReplayStep) (bool, error) {
		if !both.take(step) {
			return true, nil
		}
		if ctx.Err() != nil || r.Now().Sub(t.began) >= t.ask.Limit {
			return false, ctx.Err()
		}
		return true, both.play()
	}
	goes := true
	for from := t.ask.From.Add(-warm); goes && from.Before(t.ask.To); from = from.Add(chunk) {
		to := from.Add(chunk)
		if to.After(t.ask.To) {
			to = t.ask.To
		}
		if goes, err = s.chunk(ctx, from, to, give); err != nil {
			return fmt.Errorf("replay %s: %w", y.gateway, err)
		}
		t.went(to)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("replay %s: %w", y.gateway, err)
		}
	}
	if err := both.play(); err != nil {
		return err
	}
	end := t.ask.To
	if !goes {
		c.Left, end = LeftTime, time.UnixMilli(max(s.last, t.ask.From.UnixMilli()))
	}
	c.To, c.Holes, c.HoleMs = end.UnixMilli(), s.holes, s.holeMs
	c.Samples = s.read
	return t.sum(y, c, both, slices.DeleteFunc(recorded, func(a rules.RecordedAlert) bool { return a.Since.Before(t.ask.From) || a.Since.After(end) }))
}

// went tells how far the replay has come: the sites before, and of this one the time up to a moment.
func (t *table) went(to time.Time) {
	if t.ask.Went == nil {
		return
	}
	begin := t.ask.From.Add(-warm)
	t.ask.Went((float64(t.site) + float64(to.Sub(begin))/float64(t.ask.To.Sub(begin))) / float64(t.sites))
}

// ends are when alerts of latched rules were over, in order of time: only a person ends those.
func ends(of []rules.RecordedAlert, sets ...*rules.Set) (all []rules.ReplayReset) {
	latched := func(id string) bool {
		return slices.ContainsFunc(sets, func(s *rules.Set) bool {
			d, _ := s.Describe(id)
			return d.Latch
		})
	}
	for _, a := range of {
		if !a.End.IsZero() && latched(a.Rule) {
			all = append(all, rules.ReplayReset{Rule: a.Rule, Subject: a.Subject, At: a.End})
		}
	}
	slices.SortStableFunc(all, func(a, b rules.ReplayReset) int { return a.At.Compare(b.At) })
	return all
}

// sum takes what both sides made of a site into the table.
func (t *table) sum(y *yard, c ReplayCovered, both *pair, recorded []rules.RecordedAlert) error {
	var reports [2]rules.ReplayReport
	var missed [2][]rules.RecordedAlert
	for i, p := range both.players {
		report, err := p.Report()
		if err != nil {
			return fmt.Errorf("end replay of %s: %w", y.gateway, err)
		}
		reports[i] = report.Only(t.ask.Draft.IDs)
		missed[i] = reports[i].MatchOutcomes(recorded)
	}
	c.First, c.Told = firstMs(reports[1]), len(recorded)
	if c.Samples == 0 {
		c.Left = LeftEmpty
	}
	t.add(y, c, reports, missed, recorded)
	return nil
}

func firstMs(r rules.ReplayReport) int64 {
	if r.First.IsZero() {
		return 0
	}
	return r.First.UnixMilli()
}

// A pair is the shipped rules and the draft on the way through the same readings, some thousand steps at a time.
type pair struct {
	players  [2]*rules.Player
	steps    []rules.ReplayStep
	readings []device.Reading // of the steps
}

func (r *Replayer) pair(t *table, y *yard) (*pair, error) {
	p := &pair{}
	var errs [2]error
	for i, set := range []*rules.Set{r.Book.set.Only(t.ask.Draft.IDs), t.ask.Draft.set.Only(t.ask.Draft.IDs)} {
		p.players[i], errs[i] = rules.NewPlayer(rules.ReplayConfig{Set: set, Devices: y.devices, Silence: y.silence, From: t.ask.From})
	}
	return p, errors.Join(errs[:]...)
}

func (p *pair) looks(at device.Key) bool { return p.players[0].Looks(at) || p.players[1].Looks(at) }

// take keeps a step, and answers whether it is time to play.
func (p *pair) take(step rules.ReplayStep) bool {
	if n := len(step.Readings); n > 0 {
		p.readings = append(p.readings, step.Readings...)
		step.Readings = p.readings[len(p.readings)-n : len(p.readings) : len(p.readings)]
	}
	p.steps = append(p.steps, step)
	return len(p.steps) >= lookEvery
}

// play lets both judge what was kept, at the same time.
func (p *pair) play() error {
	var errs [2]error
	var both sync.WaitGroup
	for i, player := range p.players {
		both.Go(func() {
			for _, step := range p.steps {
				if errs[i] = player.Play(step); errs[i] != nil {
					return
				}
			}
		})
	}
	both.Wait()
	p.steps, p.readings = p.steps[:0], p.readings[:0]
	return errors.Join(errs[:]...)
}
