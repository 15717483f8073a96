package outbox_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// BenchmarkAppend is records of 300 bytes with an fsync per 100. Beside it, in the same run, it measures what the disk can do: the
// same bytes written and synced in a bare loop. Metrics: records/s, disk_records/s.
func BenchmarkAppend(b *testing.B) {
	const group = 100
	c := config(b.TempDir())
	c.Sync, c.Quota = time.Hour, 64<<20
	l := open(b, c)
	p := payload(1, 300)
	bare, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	same := make([]byte, group*(outbox.RecordHead+len(p)))
	var log, disk time.Duration
	groups := 0
	for ; b.Loop(); groups++ { // in turns, so that both meet the same disk
		began := time.Now()
		for range group {
			if _, err := l.Append(2, noon, 2, p); err != nil {
				b.Fatal(err)
			}
		}
		if err := l.Sync(); err != nil {
			b.Fatal(err)
		}
		half := time.Now()
		if _, err := bare.Write(same); err != nil {
			b.Fatal(err)
		}
		if err := bare.Sync(); err != nil {
			b.Fatal(err)
		}
		log, disk = log+half.Sub(began), disk+time.Since(half)
	}
	b.ReportMetric(float64(groups*group)/log.Seconds(), "records/s")
	b.ReportMetric(float64(groups*group)/disk.Seconds(), "disk_records/s")
}

// BenchmarkAppendUnsynced is a telemetry record of 1 KiB, synced once a second or every 64 KiB.
func BenchmarkAppendUnsynced(b *testing.B) {
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

// BenchmarkRecover opens a telemetry log of 256 MiB after a kill -9 of its writer, with nothing of it in the page cache.
// Metrics: ms, and verify_ms for reading every record of it.
func BenchmarkRecover(b *testing.B) {
	c := config(b.TempDir())
	c.Sync, c.Quota = time.Second, 1<<30
	l := open(b, outbox.OnDisk(c, newFaulty())) // which does not sync: only the making takes less time
	p := payload(1, 16<<10)
	for l.Stats().Bytes < 255<<20 {
		if _, err := l.Append(2, noon, 2, p); err != nil {
			b.Fatal(err)
		}
	}
	closeLog(b, l)
	kill(b, c.Dir)
	names := segments(b, c.Dir)
	newest := names[len(names)-1]
	keep := map[string][]byte{newest: nil, filepath.Join(c.Dir, "cursor"): nil}
	for name := range keep {
		keep[name] = bytesOf(b, name)
	}
	again := func() { // the folder as the kill left it, on disk and not in memory
		for _, name := range segments(b, c.Dir) {
			if !slices.Contains(names, name) {
				remove(b, name)
			}
		}
		for name, data := range keep {
			write(b, name, data)
		}
		for _, name := range names {
			forget(b, name)
		}
	}
	var took time.Duration
	n := 0
	for ; b.Loop(); n++ {
		b.StopTimer()
		again()
		b.StartTimer()
		began := time.Now()
		l, err := outbox.Open(c)
		took += time.Since(began)
		b.StopTimer()
		if err != nil || l.Stats().Bytes < 255<<20 {
			b.Fatal(err)
		}
		closeLog(b, l)
		b.StartTimer()
	}
	again()
	began := time.Now()
	if v, err := outbox.Verify(c.Dir); err != nil || v.Records < 16_000 {
		b.Fatal(err)
	}
	b.ReportMetric(float64(took.Microseconds())/1000/float64(n), "ms")
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "verify_ms")
}

// kill lets a process append to the log and kills it.
func kill(b *testing.B, dir string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LINSHAO_OUTBOX_CHILD="+dir, "LINSHAO_OUTBOX_SYNC=sync", "LINSHAO_OUTBOX_LARGE=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range 2000 {
		if !lines.Scan() || strings.HasPrefix(lines.Text(), "error") {
			b.Fatalf("the child says %q", lines.Text())
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait() // killed
}

func bytesOf(b *testing.B, name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// forget takes a file out of the page cache.
func forget(b *testing.B, name string) {
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)); err != nil {
		b.Fatal(err)
	}
}
