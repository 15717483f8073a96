package pages

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/doctor"
)

// A job is a scan or a look that runs, or has run.
type job struct {
	cancel context.CancelFunc
	began  time.Time

	mu       sync.Mutex
	plan     *commission.Plan
	setting  commission.Setting
	done     int
	total    int
	found    []commission.Found
	recalled bool
	report   *commission.Report
	findings []doctor.Finding
	err      error
	ended    bool
}

// errStopped is told of a scan that a person has stopped.
var errStopped = errors.New("stopped")

// jobOf is the newest job of a channel; nil when there was none.
func (p *Pages) jobOf(channel string) *job {
	m := p.cfg.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.jobs[channel]
}

// begin starts a job unless one runs already.
func (p *Pages) begin(channel string, work func(ctx context.Context, j *job) error) {
	m := p.cfg.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.jobs[channel]; j != nil && !j.over() || p.ctx.Err() != nil {
		return
	}
	if m.jobs == nil {
		m.jobs = map[string]*job{}
	}
	ctx, cancel := context.WithCancel(p.ctx)
	j := &job{cancel: cancel, began: time.Now()}
	m.jobs[channel] = j
	p.run.Go(func() {
		defer cancel()
		err := work(ctx, j)
		if ctx.Err() != nil {
			err = errStopped
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		j.ended, j.err = true, err
	})
}

func (j *job) over() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ended
}

// see takes one step of a scan.
func (j *job) see(s commission.Progress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch s.Kind {
	case commission.Planned:
		j.plan = s.Plan
	case commission.Recalled:
		j.recalled = true
	}
	if s.Total > 0 {
		j.setting, j.done, j.total = s.Setting, s.Done, s.Total
	}
	if s.Found == nil {
		return
	}
	for i := range j.found {
		if f := &j.found[i]; f.Protocol == s.Found.Protocol && f.Address == s.Found.Address && f.Setting == s.Found.Setting {
			*f = *s.Found
			return
		}
	}
	j.found = append(j.found, *s.Found)
}

// progress is what a page shows of a job.
type progress struct {
	Running, Stopped, Recalled bool
	Plan                       *commission.Plan
	Setting                    commission.Setting
	Done, Total                int
	Found                      []commission.Found
	Report                     *commission.Report
	Findings                   []doctor.Finding
	Err                        error
	Took                       time.Duration
}

func (j *job) progress() progress {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := progress{Running: !j.ended, Plan: j.plan, Setting: j.setting, Done: j.done, Total: j.total, Found: append([]commission.Found(nil), j.found...),
		Recalled: j.recalled, Report: j.report, Findings: j.findings, Err: j.err, Took: time.Since(j.began)}
	if errors.Is(j.err, errStopped) {
		v.Stopped, v.Err = true, nil
	}
	if j.report != nil {
		v.Found = j.report.Found
	}
	return v
}
