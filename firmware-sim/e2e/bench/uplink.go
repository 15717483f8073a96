package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

const (
	uplinkTime = 5*time.Minute + 20*time.Second // some lingers of a minute, and the time that it takes until all devices answer
	uplinkPoll = "poll: 5s"
)

// quietUplink counts every byte that the readings of the demo's compound cost on an uplink that nobody looks at.
func quietUplink(ctx context.Context, bin, dir string) ([]figure, error) {
	far, err := newFarEnd(0)
	if err != nil {
		return nil, err
	}
	defer far.server.Close()
	far.measure()
	if err := compound(dir, far.addr, func(scenario, ready string) (func(), error) {
		sim, err := run(bin, dir, "firmware-sim", "play", scenario, "--dir", dir, "--ready", ready, "--t0",
			strconv.FormatInt(time.Now().Add(-10*time.Minute).UnixMilli(), 10))
		return func() { end(sim) }, err
	}, func() error {
		gateway, err := run(bin, dir, "gateway", "run", "--config", "gateway.yaml")
		if err != nil {
			return err
		}
		defer end(gateway) // sends the rest of the last minute
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(uplinkTime):
			return nil
		}
	}); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, tail(dir, "gateway"))
	}
	far.mu.Lock()
	defer far.mu.Unlock()
	if far.readings == 0 {
		return nil, errors.New("no reading arrived")
	}
	records := fmt.Sprintf("%d readings of the demo's first compound in %v, all points polled at 5 s, no alert, nobody looks: %d messages", far.readings, uplinkTime, far.messages)
	watched, err := sameEverySecond(far.kept)
	if err != nil {
		return nil, err
	}
	return []figure{
		{"uplink_bytes_per_point", float64(far.packets) / float64(far.readings), "B", "lower", 2, records + "; MQTT PUBLISH packets whole, with topic and headers"},
		{"uplink_watched_bytes_per_point", watched, "B", "lower", 20, "the same readings as if somebody looked all the time: a message every second that has any"},
	}, nil
}

// compound starts the field of configs/demo without its gas leak, writes the gateway's configuration and runs it.
func compound(dir, broker string, field func(scenario, ready string) (stop func(), err error), gateway func() error) error {
	text, err := os.ReadFile("configs/demo/scenario.yaml")
	if err != nil {
		return fmt.Errorf("read scenario: %w", err)
	}
	calm := regexp.MustCompile(`(?m)^.*do: leak.*$`).ReplaceAll(text, nil)
	scenario, ready := filepath.Join(dir, "scenario.yaml"), filepath.Join(dir, "ready.json")
	if err := os.WriteFile(scenario, calm, 0o600); err != nil {
		return fmt.Errorf("write scenario: %w", err)
	}
	stop, err := field(scenario, ready)
	if err != nil {
		return err
	}
	defer stop()
	var f struct{ Endpoints map[string]string }
	if err := await(func() error {
		text, err := os.ReadFile(ready)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &f)
	}); err != nil {
		return fmt.Errorf("start simulator: %w", err)
	}
	if text, err = os.ReadFile("configs/demo/gateway.yaml"); err != nil {
		return fmt.Errorf("read site: %w", err)
	}
	site := regexp.MustCompile(`poll: \w+`).ReplaceAllString(string(text), uplinkPoll)
	for _, change := range [][2]string{{"127.0.0.1:1502", f.Endpoints["modbus-tcp"]}, {"demo/rs485-1", f.Endpoints["rs485-1"]}, {"demo/rs485-2", f.Endpoints["rs485-2"]},
		{"rtsp://127.0.0.1:8554/cam-1", f.Endpoints["cam-1"]}, {"127.0.0.1:1883", broker}, {"127.0.0.1:8081", "127.0.0.1:0"}} {
		if !strings.Contains(site, change[0]) {
			return fmt.Errorf("the demo's site does not name %s", change[0])
		}
		site = strings.ReplaceAll(site, change[0], change[1])
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), []byte(site), 0o600); err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	return gateway()
}

// sameEverySecond is what the readings cost when each second of them is a record and a message of its own.
func sameEverySecond(rs []device.Reading) (bytesPerPoint float64, err error) {
	slices.SortStableFunc(rs, func(a, b device.Reading) int { return a.Time.Compare(b.Time) })
	encoder, err := wire.NewEncoder()
	if err != nil {
		return 0, err
	}
	total := 0
	for i := 0; i < len(rs); {
		n := i
		for n < len(rs) && rs[n].Time.Unix() == rs[i].Time.Unix() {
			n++
		}
		payload, _, err := encoder.EncodeFirst(&wire.Readings{PartsEpoch: 1 << 60, PartsTo: 1000}, rs[i:n])
		if err != nil {
			return 0, err
		}
		batch := &wire.Batch{Session: 1 << 60, Stream: wire.StreamTelemetry, Epoch: 1 << 60, First: uint64(i + 1), Records: []*wire.Record{{
			Type: wire.TypeReadings, Boot: 1, Clock: wire.ClockSynced, WallMs: rs[i].Time.UnixMilli(), MonoMs: 1e6, Payload: payload, Crc: 1 << 30}}}
		total += packet(wire.Topic("gw-0142", wire.UpTelemetry), proto.Size(batch))
		i = n
	}
	return float64(total) / float64(len(rs)), nil
}

// packet is the size of an MQTT PUBLISH packet of QoS 1.
func packet(topic string, payload int) int {
	rest := 2 + len(topic) + 2 + payload
	size := 1 + rest
	for ; rest > 0; rest >>= 7 {
		size++
	}
	return size
}
