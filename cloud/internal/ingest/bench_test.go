package ingest_test

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// BenchmarkTelemetry is many gateways that each send one record after the other: a minute of 20 points. Each message is
// acknowledged after it is on the disk.
func BenchmarkTelemetry(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchTelemetry(b, dbtest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchTelemetry(b, dbtest.Postgres(b)) })
}

func benchTelemetry(b *testing.B, place *dbtest.Place) {
	for _, gateways := range []int{1, 16, 200} {
		b.Run(name(gateways), func(b *testing.B) {
			c := start(b, place)
			defer c.stop()
			f := newFleet(b, c, gateways)
			r := minute(b, 20)
			first := nextSeqs(c, f)
			var next atomic.Int64
			var slowest atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			used := cpu(b)
			var wg sync.WaitGroup
			for i, g := range f.members {
				wg.Go(func() {
					for seq := first[i]; next.Add(1) <= int64(b.N); seq++ {
						began := time.Now()
						acks, err := g.send(wire.UpTelemetry, batch(g.session, 2, g.epoch, seq, r))
						if err != nil || len(acks) != 1 || acks[0].Cum != seq {
							b.Errorf("ack %v of %d, %v", acks, seq, err)
							return
						}
						if took := int64(time.Since(began)); took > slowest.Load() {
							slowest.Store(took)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			b.ReportMetric(float64(cpu(b)-used)/1e6/float64(b.N), "cpu-ms/msg")
			b.ReportMetric(float64(slowest.Load())/1e6, "slowest-ms")
		})
	}
}

// cpu is what this process has used: with SQLite all of it, with PostgreSQL without the server's.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func name(gateways int) string {
	return map[int]string{1: "1gateway", 16: "16gateways", 200: "200gateways"}[gateways]
}

// minute is a record of one minute of so many points.
func minute(t testing.TB, points int) *wire.Record {
	t.Helper()
	enc, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	var rs []device.Reading
	for s := range 60 {
		for p := range points {
			rs = append(rs, device.Reading{Device: "A-03.1", Point: string(rune('a' + p)), Value: float64(s * p), Quality: device.Good, Time: t0.Add(time.Duration(s) * time.Second)})
		}
	}
	payload, err := enc.Encode(rs)
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Record{Type: wire.TypeReadings, Boot: 1, Clock: 2, WallMs: t0.UnixMilli(), MonoMs: 1, Payload: payload, Crc: wire.Checksum(payload)}
}

// nextSeqs asks where each gateway's telemetry goes on.
func nextSeqs(c *cloud, f *fleet) []uint64 {
	out := make([]uint64, len(f.members))
	f.each(func(g *member) error {
		acks, err := g.send(wire.UpHello, &wire.Hello{Gateway: g.id, Session: g.session, Streams: []*wire.StreamState{state(2, g.epoch, 1, 1<<40)}})
		if err == nil {
			out[g.n] = acks[0].Cum + 1
		}
		return err
	})
	return out
}
