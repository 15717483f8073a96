package commission_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/control"
)

// TestAStopThroughTheSocket brings what is known by then, from a scan and from a probe.
func TestAStopThroughTheSocket(t *testing.T) {
	t.Parallel()
	device := &modbus.Unknown{Windows: []modbus.Window{{Table: modbus.Holdings, Hold: make([]uint16, 64)}}}
	site := slaves(unit(1, device)).wired(t)
	dir := t.TempDir()
	server, err := control.Listen(dir, commission.Handler(func() (*commission.Service, error) { return commission.New(commission.Config{Site: site}) }), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	run, end := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- server.Run(run) }()
	defer func() { end(); <-done }()
	client := commission.ClientOf(dir)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	scan, err := client.Scan(ctx, commission.ScanRequest{Channel: "rs485-1", Protocols: []string{"modbus"}, Bare: true, TimeoutMS: patient,
		Settings: []commission.Setting{quick()}}, func(p commission.Progress) {
		if p.Kind == commission.Known {
			stop()
		}
	})
	if err != nil || !scan.Stopped || len(scan.Found) != 1 || scan.Driver != "serial" {
		t.Errorf("%v, the scan is %+v", err, scan)
	}
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	probe, err := client.Probe(ctx, commission.ProbeRequest{Channel: "rs485-1", Address: "1", TimeoutMS: patient, Setting: quick()}, func(p commission.Progress) {
		if p.Kind == commission.Tried {
			stop()
		}
	})
	if err != nil || !probe.Stopped || len(probe.Registers) == 0 || probe.Registers[0].State != commission.RegisterValue || probe.Frames == 0 {
		t.Errorf("%v, the probe is %+v", err, probe)
	}
}
