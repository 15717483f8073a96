package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// The load of the cloud figures: gateways that send the history of an outage, a minute of their site in each record. All
// of it is encoded before anything is measured.
const (
	loadGateways = 16
	loadDevices  = 39
	loadSeconds  = 60 // of one record: 39 devices × 7 points × 60 s = 16,380 readings
	batchBytes   = 60 << 10
	badEvery     = 1000 // one reading of so many is bad, one uncertain
	ackPatience  = 15 * time.Second
	minuteMs     = 60_000
)

// A source is what one gateway has to send.
type source struct {
	id                    string
	epoch, session        uint64
	batches               [][]byte // encoded wire.Batch, in order
	ends                  []uint64 // last sequence of each batch
	readings, bad, doubts int
	acked                 time.Time
}

func (s *source) hello() ([]byte, error) {
	return proto.Marshal(&wire.Hello{Gateway: s.id, Session: s.session, Boot: 1, Version: "bench", TimeMs: time.Now().UnixMilli(), Clock: wire.ClockSynced,
		Streams: []*wire.StreamState{{Stream: wire.StreamTelemetry, Epoch: s.epoch, Oldest: 1, Next: s.ends[len(s.ends)-1] + 1}}})
}

// makeSource encodes so many records. seen is given the readings of each, when it is not nil.
func makeSource(n, records int, seen func(gateway string, rs []device.Reading)) (*source, error) {
	s := &source{id: fmt.Sprintf("gw-%04d", n), epoch: uint64(n + 1), session: uint64(1000 + n)}
	enc, err := wire.NewEncoder()
	if err != nil {
		return nil, err
	}
	field := newSite(n)
	begin := time.Now().Add(-time.Duration(records+10) * time.Minute).Truncate(time.Minute)
	batch := &wire.Batch{Session: s.session, Stream: wire.StreamTelemetry, Epoch: s.epoch, First: 1, Late: true}
	seq, size := uint64(0), 0
	close := func() error {
		b, err := proto.Marshal(batch)
		s.batches, s.ends = append(s.batches, b), append(s.ends, seq)
		batch.Records, batch.First, size = nil, seq+1, 0
		return err
	}
	for r := range records {
		rs := field.minute(begin.Add(time.Duration(r) * time.Minute))
		if seen != nil {
			seen(s.id, rs)
		}
		for part := range parts(rs) {
			s.count(part)
			payload, err := enc.Encode(part)
			if err != nil {
				return nil, fmt.Errorf("encode load: %w", err)
			}
			if size > 0 && size+len(payload) > batchBytes {
				if err := close(); err != nil {
					return nil, err
				}
			}
			seq, size = seq+1, size+len(payload)+64
			batch.Records = append(batch.Records, &wire.Record{Type: wire.TypeReadings, Boot: 1, Clock: wire.ClockSynced, MonoMs: uint64(seq) * minuteMs,
				WallMs: begin.UnixMilli() + int64(seq)*minuteMs, Payload: payload, Crc: wire.Checksum(payload)})
		}
	}
	return s, close()
}

// parts are as many readings as a record may hold.
func parts(rs []device.Reading) func(func([]device.Reading) bool) {
	return func(yield func([]device.Reading) bool) {
		for len(rs) > 0 {
			n := min(len(rs), wire.MaxReadings)
			if !yield(rs[:n]) {
				return
			}
			rs = rs[n:]
		}
	}
}

func (s *source) count(rs []device.Reading) {
	s.readings += len(rs)
	for _, r := range rs {
		switch r.Quality {
		case device.Bad:
			s.bad++
		case device.Uncertain:
			s.doubts++
		}
	}
}

// site plays the meters of one compound: noisy values, a counter, states.
type site struct {
	rnd    *rand.Rand
	values [loadDevices][7]float64
	names  [loadDevices]string
	offset [loadDevices]time.Duration
	last   []device.Reading
}

var loadPoints = [7]string{"power", "current", "voltage", "energy", "temperature", "relay", "plugged"}

func newSite(n int) *site {
	s := &site{rnd: rand.New(rand.NewPCG(uint64(n), 7))}
	for d := range loadDevices {
		s.names[d] = fmt.Sprintf("A-%02d.%d", d/2, d%2+1)
		s.offset[d] = time.Duration(s.rnd.IntN(1000)) * time.Millisecond
		s.values[d] = [7]float64{200 + 1800*s.rnd.Float64(), 0, 225 + 10*s.rnd.Float64(), 1000 * s.rnd.Float64(), 25, 1, 1}
	}
	return s
}

func (s *site) minute(begin time.Time) []device.Reading {
	s.last = s.last[:0]
	for sec := range loadSeconds {
		for d := range loadDevices {
			s.last = s.second(d, begin.Add(time.Duration(sec)*time.Second+s.offset[d]))
		}
	}
	return s.last
}

func (s *site) second(d int, at time.Time) []device.Reading {
	v := &s.values[d]
	v[0] = math.Round(10*(v[0]+2*s.rnd.NormFloat64())) / 10
	v[2] = math.Round(10*(230+1.5*s.rnd.NormFloat64())) / 10
	v[1] = math.Round(100*v[0]/v[2]) / 100
	v[3] = math.Round(1000*(v[3]+v[0]/3.6e6)) / 1000
	v[4] = math.Round(10*(v[4]+0.02*s.rnd.NormFloat64())) / 10
	for p, name := range loadPoints {
		r := device.Reading{Device: s.names[d], Point: name, Value: v[p], Quality: device.Good, Time: at}
		switch s.rnd.IntN(badEvery) {
		case 0:
			r.Value, r.Quality, r.Reason = math.NaN(), device.Bad, device.Timeout
		case 1:
			r.Quality, r.Reason = device.Uncertain, device.RateExceeded
		}
		s.last = append(s.last, r)
	}
	return s.last
}

// send plays the gateway's side of the protocol until the cloud has acknowledged everything.
func (s *source) send(ctx context.Context, broker string) error {
	acks := make(chan *wire.Ack, 64)
	opts := paho.NewClientOptions().AddBroker("tcp://" + broker).SetClientID(s.id).SetCleanSession(true).SetAutoReconnect(false).SetWriteTimeout(10 * time.Second).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
			a := new(wire.Ack)
			if proto.Unmarshal(m.Payload(), a) == nil && a.GetSession() == s.session && a.GetStream() == wire.StreamTelemetry {
				select {
				case acks <- a:
				case <-ctx.Done():
				}
			}
		})
	client := paho.NewClient(opts)
	for _, act := range []func() paho.Token{client.Connect, func() paho.Token { return client.Subscribe(wire.Topic(s.id, wire.DownAck), 0, nil) }} {
		if t := act(); !t.WaitTimeout(10*time.Second) || t.Error() != nil {
			return fmt.Errorf("connect %s: %w", s.id, errors.Join(t.Error(), ctx.Err()))
		}
	}
	defer client.Disconnect(100)
	return s.converse(ctx, client, acks)
}

// converse keeps as many batches in flight as the cloud gives credit for, and goes back when no answer comes.
func (s *source) converse(ctx context.Context, client paho.Client, acks <-chan *wire.Ack) error {
	hello, err := s.hello()
	if err != nil {
		return err
	}
	done, next, until := -1, 0, 0 // batches acknowledged, to be sent, allowed
	client.Publish(wire.Topic(s.id, wire.UpHello), 1, false, hello)
	silence := time.NewTimer(ackPatience)
	defer silence.Stop()
	for done < len(s.batches) {
		var rest <-chan time.Time
		select {
		case <-ctx.Done():
			return fmt.Errorf("gateway %s: %d of %d batches acknowledged: %w", s.id, max(done, 0), len(s.batches), ctx.Err())
		case <-silence.C:
			silence.Reset(ackPatience)
			if done < 0 {
				client.Publish(wire.Topic(s.id, wire.UpHello), 1, false, hello)
				continue
			}
			next = done
			until = max(until, done+1)
		case a := <-acks:
			if len(a.GetRejects()) > 0 {
				return fmt.Errorf("gateway %s: the cloud rejects %v", s.id, a.GetRejects())
			}
			done = max(done, 0)
			for done < len(s.ends) && s.ends[done] <= a.GetCum() {
				done++
			}
			next, until = max(next, done), done+int(a.GetCredit())
			if wait := time.Duration(a.GetRetryAfterMs()) * time.Millisecond; wait > 0 {
				rest = time.After(wait)
			}
			silence.Reset(ackPatience)
		}
		if rest != nil {
			select {
			case <-rest:
				until = max(until, done+1)
			case <-ctx.Done():
				continue
			}
		}
		for ; next < min(until, len(s.batches)); next++ {
			client.Publish(wire.Topic(s.id, wire.UpTelemetry), 1, false, s.batches[next])
		}
	}
	s.acked = time.Now()
	return nil
}

// sendAll lets all sources speak at once.
func sendAll(ctx context.Context, sources []*source, broker string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, s := range sources {
		all.Go(func() {
			if err := s.send(ctx, broker); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
