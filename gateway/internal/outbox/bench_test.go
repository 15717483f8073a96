package outbox_test

import (
	"sync"
	"testing"
	"time"
)

// BenchmarkAppend is a telemetry record of 1 KiB, synced once a second or every 64 KiB.
func BenchmarkAppend(b *testing.B) {
	c := config(b.TempDir())
	c.Sync, c.Quota = time.Second, 64<<20
	l := open(b, c)
	p := make([]byte, 1024)
	b.SetBytes(1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Append(2, noon, 2, p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendSynced is an event of 300 bytes, on disk before Append returns, from 16 writers at once.
func BenchmarkAppendSynced(b *testing.B) {
	l := open(b, config(b.TempDir()))
	p := make([]byte, 300)
	b.ReportAllocs()
	var wg sync.WaitGroup
	each := b.N/16 + 1
	for range 16 {
		wg.Go(func() {
			for range each {
				if _, err := l.Append(1, noon, 2, p); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(l.Stats().Fsyncs)/float64(b.N), "fsyncs/op")
}

// BenchmarkRead reads a backlog in messages of 48 KiB, once per loop.
func BenchmarkRead(b *testing.B) {
	c := config(b.TempDir())
	c.Sync, c.Quota = time.Hour, 64<<20
	l := open(b, c)
	fill(b, l, 20_000, 1024)
	b.SetBytes(20_000 * 1024)
	b.ReportAllocs()
	for b.Loop() {
		for from := uint64(1); ; {
			records, err := l.Read(from, 48<<10)
			if err != nil {
				b.Fatal(err)
			}
			if len(records) == 0 {
				break
			}
			from = records[len(records)-1].Seq + 1
		}
	}
}

// BenchmarkOpen opens a log of 64 MiB.
func BenchmarkOpen(b *testing.B) {
	c := config(b.TempDir())
	c.Sync, c.Quota = time.Hour, 80<<20
	l := open(b, c)
	fill(b, l, 60_000, 1024)
	for b.Loop() {
		closeLog(b, l)
		l = open(b, c)
	}
}
