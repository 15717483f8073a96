package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
	"github.com/linshao/linshao/firmware-sim/e2e/camera"
	"github.com/linshao/linshao/firmware-sim/e2e/chain"
	"github.com/linshao/linshao/firmware-sim/e2e/charging"
	"github.com/linshao/linshao/firmware-sim/e2e/escalation"
	"github.com/linshao/linshao/firmware-sim/e2e/kill9"
	"github.com/linshao/linshao/firmware-sim/e2e/pushes"
	"github.com/linshao/linshao/firmware-sim/e2e/restarts"
	"github.com/linshao/linshao/firmware-sim/e2e/safety"
	"github.com/linshao/linshao/firmware-sim/e2e/timers"
)

// proofs in the order in which they run, the quick ones first. A new one is one line.
func proofs() []proof {
	outbox := func(test string, small, large int) func(context.Context, options) (json.RawMessage, error) {
		return goTest{pkg: "./gateway/internal/outbox", test: test, small: small, large: large}.run
	}
	uplink := func(test string, small, large int) func(context.Context, options) (json.RawMessage, error) {
		return goTest{pkg: "./gateway/internal/uplink", test: test, small: small, large: large}.run
	}
	return []proof{
		{"bit_flip", "no flipped bit of a segment hands out a wrong record or costs a second one", outbox("TestBitFlip", 1, 1)},
		{"power_cut", "nothing durable is lost, no number is given twice, every hole is told", outbox("TestPowerCut", 20_000, 1_000_000)},
		{"disk_errors", "every disk operation fails in every way, and nothing accepted is lost", outbox("TestDiskErrors", 1, 20)},
		{"planted_bugs", "the power cuts find bugs that are there", goTest{pkg: "./gateway/internal/outbox", test: "TestPlantedBugs", small: 1, large: 3, fixed: true}.run},
		{"bus_faults", "a good value of a line stood in its register between question and answer, whatever happens on the line", goTest{pkg: "./drivers/serial/line", test: "TestBusFaults", small: 100_000, large: 1_000_000}.run},
		{"session_classes", "generated charges of all classes: no false alarm of severity A in a healthy one, and overcharges are found", sessionClasses},
		{"log_kill9", "a killed process loses no acknowledged record", outbox("TestLogKill9", 400, 10_000)},
		{"ack_model", "the acknowledgement protocol, explored: no order of messages and crashes loses or doubles a record", uplink("TestAckModel", 1_200_000, 5_000_000)},
		{"lying_broker", "a broker that confirms and drops, repeats, reorders and replays: nothing lost, nothing twice", uplink("TestLyingBroker", 100, 1_000)},
		{"network", "eight broken lines: delivery goes on soon after the end, and nothing is left over", uplink("TestNetwork", 1, 1)},
		{"long_outage", "hours of history go up without holding back events and live values", uplink("TestLongOutage", 1, 1)},
		{"storm", "2,000 alerts in a minute at 100 sites: one message for one cause, class A at once, every robot's limit kept, nothing lost", goTest{pkg: "./cloud/app", test: "TestStorm", small: 2_000, large: 2_000}.run},
		{"safety_latency", "gas at a register to the valve's write on the wire, with processor and disk busy and the uplink down", built(safetyLatency)},
		{"gateway_kill9", "a killed gateway loses and doubles nothing on its way to the cloud's charts", built(gatewayKill9)},
		{"rule_timer_kill9", "a gateway killed under pending timers raises each alert once, under one id and in time", built(ruleTimerKill9)},
		{"config_kill9", "a gateway killed while it takes the cloud's configuration up or back goes by one whole set, and the cloud says truly which and why", built(configKill9)},
		{"restarts", "devices are claimed and taken out while 50 are read and alerts come and go: nothing lost, nothing twice, no timer forgotten", built(restartsOf)},
		{"escalation_kill9", "a cloud killed while incidents climb from rung to rung: every message is taken once, every timer kept", built(escalationKill9)},
		{"camera_soak", "hostile cameras and reboots cost their own group seconds and the others nothing; memory, descriptors and goroutines stay", built(cameraSoak)},
		{"chain_kill", "gateways, broker, clouds, database and store are killed in turn: every value and event is there once, or explained", built(chainKill)},
		{"soak", "long-lived programs under churn hold no more at the end than at the beginning", built(soak)},
	}
}

// built is a proof with the real programs, which are built first. Its logs and data stay when the promise is broken.
func built[R interface{ Broken() bool }](run func(ctx context.Context, bin, dir string, o options) (R, error)) func(context.Context, options) (json.RawMessage, error) {
	return func(ctx context.Context, o options) (json.RawMessage, error) {
		dir, err := os.MkdirTemp("", "linshao-prove-")
		if err != nil {
			return nil, fmt.Errorf("make folder: %w", err)
		}
		bin := filepath.Join(dir, "bin")
		if err := demo.Build(ctx, ".", bin, os.Stderr); err != nil {
			return nil, err
		}
		result, err := run(ctx, bin, dir, o)
		if err != nil {
			return nil, fmt.Errorf("%w: logs and data are in %s", err, dir)
		}
		line, err := json.Marshal(result)
		if err != nil {
			return nil, fmt.Errorf("print result: %w", err)
		}
		if result.Broken() {
			return line, fmt.Errorf("%w: logs and data are in %s", errBroken, dir)
		}
		return line, os.RemoveAll(dir)
	}
}

func gatewayKill9(ctx context.Context, bin, dir string, o options) (kill9.Result, error) {
	return kill9.Run(ctx, kill9.Options{Bin: bin, Dir: dir, Kills: o.pick(100, 1000), Seed: o.seed})
}

func ruleTimerKill9(ctx context.Context, bin, dir string, o options) (timers.Result, error) {
	return timers.Run(ctx, timers.Options{Bin: bin, Dir: dir, Kills: o.pick(20, 500), Seed: o.seed})
}

func configKill9(ctx context.Context, bin, dir string, o options) (*pushes.Result, error) {
	return pushes.Run(ctx, pushes.Options{Bin: bin, Dir: dir, Pushes: o.pick(8, 120), Seed: o.seed})
}

func escalationKill9(ctx context.Context, bin, dir string, o options) (*escalation.Result, error) {
	return escalation.Run(ctx, escalation.Options{Bin: bin, Dir: dir, Kills: o.pick(15, 200), Seed: o.seed})
}

func restartsOf(ctx context.Context, bin, dir string, o options) (*restarts.Result, error) {
	return restarts.Run(ctx, restarts.Options{Bin: bin, Dir: dir, Restarts: o.pick(32, 400), Seed: o.seed})
}

func safetyLatency(ctx context.Context, bin, dir string, o options) (safety.Result, error) {
	return safety.Run(ctx, safety.Options{Bin: bin, Dir: dir, Runs: o.pick(300, 10_000), Kitchens: o.pick(8, 16), Poll: 200 * time.Millisecond, Seed: o.seed})
}

func cameraSoak(ctx context.Context, bin, dir string, o options) (camera.Result, error) {
	return camera.Run(ctx, camera.Options{Bin: bin, Dir: dir, Connections: o.pick(300, 10_000), Reboots: o.pick(8, 1_000), Lasts: time.Duration(o.pick(0, 10)) * time.Minute, Seed: o.seed})
}

func chainKill(ctx context.Context, bin, dir string, o options) (*chain.Result, error) {
	return chain.Run(ctx, chain.Options{Bin: bin, Dir: dir, Kills: o.pick(20, 200), Values: o.pick(500_000, 10_000_000), Seed: o.seed})
}

// sessionClasses prints the totals; go run ./firmware-sim/e2e/sessions prints the table.
func sessionClasses(ctx context.Context, o options) (json.RawMessage, error) {
	seed := uint64(charging.TableSeed)
	if o.asked {
		seed = o.seed
	}
	report, err := charging.Run(ctx, charging.Options{
		Rules: "configs/rules", Sessions: o.pick(2_000, 20_000), Seed: seed, Every: []time.Duration{15 * time.Second, time.Minute, 5 * time.Minute},
	})
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(report)
	if err != nil {
		return nil, fmt.Errorf("print result: %w", err)
	}
	if why := report.Broken(); len(why) > 0 {
		return line, fmt.Errorf("%w: %s", errBroken, strings.Join(why, "; "))
	}
	return line, nil
}

func soak(ctx context.Context, bin, dir string, o options) (*chain.SoakResult, error) {
	return chain.Soak(ctx, chain.Options{Bin: bin, Dir: dir, Seed: o.seed}, time.Duration(o.pick(2, 30))*time.Minute)
}
