package main

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// A far end takes what the gateway sends over MQTT, acknowledges it as the cloud does, and measures it. It keeps
// nothing, so that the bench measures the gateway and not a database beside it.
type farEnd struct {
	mqtt.HookBase
	server  *mqtt.Server
	addr    string
	decoder *wire.Decoder
	linger  uint32 // of every answer, ms

	mu       sync.Mutex
	on       bool
	bytes    int // of payloads
	packets  int // bytes of whole packets
	messages int
	readings int
	kept     []device.Reading // when nobody looks: few
	latency  []time.Duration  // from a reading to its arrival here
	last     map[uint32]uint64
}

func newFarEnd(linger uint32) (*farEnd, error) {
	f := &farEnd{linger: linger, last: map[uint32]uint64{}}
	var err error
	if f.decoder, err = wire.NewDecoder(); err != nil {
		return nil, err
	}
	f.server = mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := f.server.AddHook(new(auth.AllowHook), nil); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	if err := f.server.AddHook(f, nil); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	l := listeners.NewTCP(listeners.Config{ID: "bench", Address: "127.0.0.1:0"})
	if err := f.server.AddListener(l); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	if err := f.server.Serve(); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	f.addr = l.Address()
	return f, nil
}

// ID names the hook.
func (f *farEnd) ID() string { return "far-end" }

// Provides says that only publishing is of interest.
func (f *farEnd) Provides(b byte) bool { return b == mqtt.OnPublish }

// OnPublish takes a message of the gateway and answers it.
func (f *farEnd) OnPublish(_ *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	gateway, leaf, err := wire.ParseTopic(pk.TopicName)
	if err != nil {
		return pk, nil
	}
	switch leaf {
	case wire.UpHello:
		var hello wire.Hello
		if proto.Unmarshal(pk.Payload, &hello) == nil {
			for _, s := range hello.Streams {
				f.answer(gateway, &wire.Ack{Session: hello.Session, Stream: s.Stream, Epoch: s.Epoch, Cum: max(s.Oldest, 1) - 1})
			}
		}
	case wire.UpEvents, wire.UpTelemetry:
		var batch wire.Batch
		if proto.Unmarshal(pk.Payload, &batch) == nil {
			f.take(&batch, len(pk.Payload), packet(pk.TopicName, len(pk.Payload)))
			cum := batch.First + uint64(len(batch.Records)) - 1
			f.answer(gateway, &wire.Ack{Session: batch.Session, Stream: batch.Stream, Epoch: batch.Epoch, Cum: cum})
		}
	}
	return pk, nil
}

func (f *farEnd) answer(gateway string, ack *wire.Ack) {
	ack.Credit, ack.TimeMs, ack.LingerMs = 8, time.Now().UnixMilli(), f.linger
	payload, err := proto.Marshal(ack)
	if err != nil {
		return
	}
	// The gateway repeats what it gets no answer to.
	_ = f.server.Publish(wire.Topic(gateway, wire.DownAck), payload, false, 0)
}

func (f *farEnd) take(batch *wire.Batch, size, packet int) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on || batch.Stream != wire.StreamTelemetry {
		return
	}
	f.bytes += size
	f.packets += packet
	f.messages++
	for _, record := range batch.Records {
		readings, err := f.decoder.Readings(record.Payload)
		if err != nil {
			continue
		}
		f.readings += len(readings)
		if f.linger == 0 {
			f.kept = append(f.kept, readings...)
		}
		for _, r := range readings[:min(len(readings), 64)] {
			f.latency = append(f.latency, now.Sub(r.Time))
		}
	}
}

// measure counts what arrives from now on.
func (f *farEnd) measure() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.bytes, f.packets, f.messages, f.readings, f.latency = true, 0, 0, 0, 0, nil
}
