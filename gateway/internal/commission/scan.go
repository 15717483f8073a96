package commission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/gateway/internal/config"
)

// Scan looks who answers on a channel, and what it may be. progress is called for each step, from the same goroutine; it may be
// nil. A caller who wants no more (ctx) gets the report of what was found until then, Stopped. The errors are those of the request,
// of the port, and of what lends it.
func (s *Service) Scan(ctx context.Context, req ScanRequest, progress func(Progress)) (Report, error) {
	sc, err := s.check(req)
	if err != nil {
		return Report{}, err
	}
	sc.tell = func(p Progress) {
		if progress != nil {
			progress(p)
		}
	}
	began := time.Now()
	plan := sc.report.Plan
	sc.tell(Progress{Kind: Planned, Plan: &plan})
	ch := sc.channel.Channel
	for {
		ch.Timeout = sc.timeout
		err = s.use(ctx, ch, sc.run, func() { sc.tell(Progress{Kind: Recalled}) })
		if !errors.Is(err, errSlower) {
			break
		}
	}
	sc.report.TookMS = ms(time.Since(began))
	if ctx.Err() != nil {
		sc.report.Stopped, err = true, nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("scan %s: %w", req.Channel, err)
	}
	sc.conclude()
	return sc.report, nil
}

// A scan is one under way. It can be interrupted between two questions and goes on where it was.
type scan struct {
	service      *Service
	channel      *config.Channel
	bare         bool
	tcp, network bool
	chosen       bool // the caller has named the settings
	timeout      time.Duration
	stages       []*stage
	at           int
	report       Report
	crowds       []job // whose question several meters answered at once
	noisy        bool  // there was an answer to a question that was for nobody
	tell         func(Progress)
}

// A stage is one setting.
type stage struct {
	setting Setting
	own     bool // in use on the channel: it is not left out
	jobs    []job
	next    int // of jobs
	last    *job
	silent  []job // Modbus units that said nothing
	again   bool  // they are being asked something else
	out     Outcome
	spent   time.Duration
}

// errSlower ends a run: answers come later than was waited for, so the line is opened again with more patience.
var errSlower = errors.New("answers come late")

// run asks what is still to be asked.
func (sc *scan) run(ctx context.Context, l Line) error {
	for ; sc.at < len(sc.stages); sc.at++ {
		st := sc.stages[sc.at]
		if sc.report.Plan.Stops && !st.own && sc.answered() && st.next == 0 {
			// Meters of other standards have settings of their own, and cost one question each.
			if st.jobs = slices.DeleteFunc(st.jobs, func(j job) bool { return !strings.Contains(j.address, "A") }); len(st.jobs) == 0 {
				continue
			}
		}
		began := time.Now()
		spent := st.spent
		for st.next < len(st.jobs) || sc.askMore(st) {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			j := st.jobs[st.next]
			if err := sc.job(ctx, l, st, j); err != nil {
				return err
			}
			st.next++
			st.spent = spent + time.Since(began)
			sc.tell(Progress{Kind: Tried, Setting: st.setting, What: j.protocol + " " + j.address, Done: st.next, Total: len(st.jobs), TookMS: ms(st.spent)})
		}
		st.out.Setting, st.out.TookMS = st.setting, ms(st.spent)
		sc.report.Settings = append(sc.report.Settings, st.out)
		sc.tell(Progress{Kind: Ended, Setting: st.setting, Done: st.next, Total: len(st.jobs), TookMS: ms(st.spent)})
	}
	return nil
}

// answered says whether anything answered as it should.
func (sc *scan) answered() bool {
	return slices.ContainsFunc(sc.report.Found, func(f Found) bool { return f.State == StateDevice || f.State == StateRefuses })
}

// more questions to an address at which something strange came back.
const moreAsks = 2

// job asks one address, and whoever answers what it is.
func (sc *scan) job(ctx context.Context, l Line, st *stage, j job) error {
	if sc.has(Found{Protocol: j.protocol, Address: j.address, Setting: j.setting}) {
		return nil // the scan went back for others
	}
	r, err := sc.ask(ctx, l, st, j)
	if err != nil {
		return err
	}
	if r.sort == late && st.last != nil && sc.timeout < mostTimeout {
		sc.timeout = min(2*sc.timeout, mostTimeout)
		st.next = max(0, st.next-1) // the one before answered this
		st.last = nil
		return errSlower
	}
	st.last = &j
	if len(r.others) > 0 && sc.timeout < mostTimeout {
		sc.timeout = min(2*sc.timeout, mostTimeout)
		sc.back(st, r.others)
		return errSlower
	}
	if r.sort == silent || r.sort == late {
		st.silent = append(st.silent, j)
		return nil
	}
	f := Found{Protocol: j.protocol, Address: j.address, Setting: j.setting, TookMS: r.took, Asked: 1, State: StateDevice}
	bad := 0
	twice := r.sort == several
	if r.sort != answer {
		bad++
		for range moreAsks {
			again, err := sc.ask(ctx, l, st, j)
			if err != nil {
				return err
			}
			if f.Asked++; again.sort != answer {
				bad++
			} else {
				f.TookMS, r.address = again.took, again.address
			}
			twice = twice || again.sort == several
		}
	}
	f.Damaged = bad
	if wild := strings.Contains(j.address, "A"); wild {
		if bad > 1 {
			return sc.narrow(ctx, l, st, j)
		}
		f.Address = r.address
		if sc.has(f) {
			return nil
		}
	}
	switch {
	case bad == f.Asked:
		f.State = StateDuplicate
	case twice:
		f.State = StateDuplicate
	}
	return sc.found(ctx, l, f)
}

// ask sends one question and counts what comes.
func (sc *scan) ask(ctx context.Context, l Line, st *stage, j job) (reply, error) {
	r, err := j.ask(ctx, l, sc.tcp)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return r, cause
		}
		return r, err
	}
	st.out.Frames++
	st.out.Strange += r.strange
	switch r.sort {
	case answer:
		st.out.Answers++
	case several, damaged:
		st.out.Damaged++
	}
	if r.echo {
		st.out.Echoes++
	}
	return r, nil
}

func (sc *scan) has(f Found) bool {
	return slices.ContainsFunc(sc.report.Found, func(old Found) bool {
		return old.Protocol == f.Protocol && old.Address == f.Address && old.Setting == f.Setting
	})
}

// found tells of a device and finds out what it is.
func (sc *scan) found(ctx context.Context, l Line, f Found) error {
	f.Configured = sc.ids(f)
	sc.tell(Progress{Kind: Answered, Setting: f.Setting, Found: &f})
	if f.State == StateDevice && !sc.bare {
		identify := sc.service.identify
		if f.Protocol == protocolOSDP {
			identify = introduce
		}
		if err := identify(ctx, l, sc.channel, &f); err != nil {
			return err
		}
	}
	known := f
	sc.report.Found = append(sc.report.Found, f)
	sc.tell(Progress{Kind: Known, Setting: f.Setting, Found: &known})
	return nil
}

// ids are the devices that are configured at an address of the channel.
func (sc *scan) ids(f Found) []string {
	var ids []string
	for _, d := range sc.channel.Devices {
		if len(d.Points) == 0 {
			continue
		}
		p := d.Points[0]
		address, _, _ := strings.Cut(p.Address, "#")
		if address != f.Address || p.Protocol != "" && p.Protocol != f.Protocol {
			continue
		}
		id, _, _ := strings.Cut(d.ID, ".") // of the whole device, not of its ports
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
