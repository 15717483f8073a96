package restarts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// Exit codes of the gateway's commands.
const (
	exitFinding = 1
	exitRefused = 4
)

// The rounds in which something else happens too.
const (
	roundSevere   = 1 // a claim waits while an alert of severity A fires
	roundUnusable = 2 // a site that cannot be built gives way to the one before
	roundSheet    = 3 // the hand-over sheet is printed from the running gateway
)

// round makes one restart, and looks at what it left.
func (p *proof) round(ctx context.Context, n int, v *visitor) error {
	args := [][]string{
		{"claim", "--bus", "lan", "--addr", fmt.Sprint(meters + 1), "--profile", "meter", "--id", extraTCP},
		{"claim", "--bus", "rs485", "--addr", "2", "--profile", "meter", "--id", extraSerial},
		{"unclaim", extraTCP},
		{"unclaim", extraSerial},
	}[n%4]
	var err error
	switch n % 8 {
	case roundSevere:
		err = p.severe(ctx, args)
	case roundUnusable:
		err = p.unusable(ctx, args)
	default:
		err = p.restart(ctx, args)
	}
	if err == nil && n%8 == roundSheet {
		err = p.sheet(ctx)
	}
	if err != nil {
		return err
	}
	select {
	case <-p.gateway.Done():
		return fmt.Errorf("restart %d: the process has ended: gateway.log says why", n+1)
	default:
	}
	if claimed := p.meter(args[len(args)-1]); args[0] == "claim" {
		began := time.Now()
		if err := process.Until(ctx, 10*time.Second, func() error {
			if claimed.since(began) == 0 {
				return errors.New("it is not read")
			}
			return nil
		}); err != nil {
			p.result.wrong(&p.result.Failed, "%s after its claim: %v", claimed.id, err)
		}
	}
	return p.remembered(ctx, v, n >= roundSevere)
}

// told is what claim --json prints.
type told struct {
	Gateway string
	Refusal *struct{ Code string }
	PauseMs int64 `json:"pause_ms"`
}

// command runs one of the gateway's, beside the one that runs.
func (p *proof) command(ctx context.Context, args ...string) (out string, code int, err error) {
	cmd := exec.CommandContext(ctx, p.program("gateway"), append(args, "--config", "gateway.yaml")...)
	var errs bytes.Buffer
	cmd.Dir, cmd.Stderr = p.Dir, &errs
	text, err := cmd.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return string(text) + errs.String(), ended.ExitCode(), nil
	}
	return string(text), 0, err
}

// restart claims or takes out, and measures.
func (p *proof) restart(ctx context.Context, args []string) error {
	began := time.Now()
	out, code, err := p.command(ctx, append(args, "--json", "--wait")...)
	if err != nil {
		return fmt.Errorf("run %s: %w", args[0], err)
	}
	var t told
	if err := json.Unmarshal([]byte(out), &t); err != nil || code != 0 || t.Gateway != "restarted" {
		p.result.wrong(&p.result.Failed, "%v: exit %d: %s", args, code, out)
	}
	p.restarted(began, t.PauseMs)
	return nil
}

func (p *proof) restarted(began time.Time, pauseMs int64) {
	p.restarts = append(p.restarts, span{began, time.Now()})
	p.result.Runs++
	p.result.PauseMs = max(p.result.PauseMs, pauseMs)
}

// severe lets an alert of severity A fire: no claim may stop the gateway then, and one that waits goes on when it is over.
func (p *proof) severe(ctx context.Context, args []string) error {
	m := p.meter(lockedMeter)
	m.set(severe)
	if err := process.Until(ctx, 10*time.Second, func() error {
		if m.closed() {
			return errors.New("the rule has not cut " + m.id)
		}
		return nil
	}); err != nil {
		return err
	}
	out, code, err := p.command(ctx, append(args, "--json")...)
	if err != nil {
		return fmt.Errorf("run claim: %w", err)
	}
	if code != exitRefused || !strings.Contains(out, `"busy"`) {
		p.result.wrong(&p.result.Failed, "a claim under an alert of severity A: exit %d: %s", code, out)
	}
	if _, code, err = p.command(ctx, "unclaim", args[len(args)-1], "--no-restart"); err != nil || code != 0 {
		return fmt.Errorf("take out what waits: exit %d: %w", code, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.restart(ctx, args) }()
	select {
	case err := <-ended:
		p.result.wrong(&p.result.Failed, "a claim with --wait did not wait: %v", err)
		m.mend()
		return err
	case <-time.After(2500 * time.Millisecond):
	}
	m.mend()
	err = <-ended
	if n := len(p.restarts) - 1; err == nil && n >= 0 { // what came before it did not wait
		p.restarts[n].from = p.restarts[n].to.Add(-time.Duration(p.result.PauseMs)*time.Millisecond - time.Second)
	}
	return err
}

// unusable asks for a site whose page cannot be served: the one before goes on, and says so.
func (p *proof) unusable(ctx context.Context, args []string) error {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("take a port: %w", err)
	}
	defer taken.Close()
	if err := p.write("gateway.yaml", strings.Replace(p.site, p.status, taken.Addr().String(), 1)); err != nil {
		return err
	}
	if err := p.restart(ctx, args); err != nil {
		return err
	}
	if err := process.Until(ctx, 10*time.Second, func() error { return process.Answers("http://" + p.status + "/healthz") }); err != nil {
		p.result.wrong(&p.result.Failed, "after a site that cannot be built: %v", err)
	}
	if err := p.write("gateway.yaml", p.site); err != nil {
		return err
	}
	began := time.Now()
	out, code, err := p.command(ctx, "claim", "--bus", "lan", "--addr", fmt.Sprint(meters+1), "--profile", "meter", "--id", extraTCP, "--json", "--wait")
	if err != nil || code != 0 {
		return fmt.Errorf("claim after it: exit %d: %w: %s", code, err, out)
	}
	p.restarted(began, 0)
	return p.restart(ctx, []string{"unclaim", extraTCP})
}

// sheet prints the hand-over sheet, of the running gateway's readings.
func (p *proof) sheet(ctx context.Context) error {
	began := time.Now()
	out, code, err := p.command(ctx, "handover")
	p.asked = append(p.asked, span{began, time.Now()})
	if err != nil {
		return fmt.Errorf("run handover: %w", err)
	}
	if code > exitFinding || !strings.Contains(out, "m50") || !strings.Contains(out, firstSerial) || !strings.Contains(out, "</html>") {
		p.result.wrong(&p.result.Failed, "the sheet: exit %d: %.300s", code, out)
	}
	return nil
}
