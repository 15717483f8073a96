package replay_test

import (
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/replay"
	"github.com/linshao/linshao/rules"
)

// BenchmarkReplay plays two hours (LINSHAO_BENCH_MINUTES: another time) of 4,000 points read every 5 s, written by the real encoder and
// the real log, through all shipped rules. x is how many seconds of the site are played in one, MB/s the log's bytes, disk_MB/s the same
// files read and thrown away.
func BenchmarkReplay(b *testing.B) {
	minutes := 120
	if n, err := strconv.Atoi(os.Getenv("LINSHAO_BENCH_MINUTES")); err == nil {
		minutes = n
	}
	set, devices := shipped(b), yard(560, 40, 5*time.Second) // 560 × 7 + 40 × 2 points
	span := time.Duration(minutes) * time.Minute
	p, f := newTape(b), newField(1)
	p.start(noon)
	var rs []device.Reading
	for s := time.Duration(0); s < span; s += 5 * time.Second {
		for i, d := range devices {
			rs = append(rs[:0], f.poll(d, noon.Add(s+time.Duration(i)*8*time.Millisecond))...)
			p.add(noon.Add(s+5*time.Second), rs)
		}
	}
	p.stop(noon.Add(span))
	plain, size := plainRead(b, p.dir)
	samples := uint64(0)
	for b.Loop() {
		log, err := replay.OpenLog(p.dir, noon, noon.Add(span), devices, nil)
		if err != nil {
			b.Fatal(err)
		}
		var failed error
		err = replay.Play(log, func(steps iter.Seq[rules.ReplayStep]) {
			_, failed = rules.Replay(rules.ReplayConfig{Set: set, Devices: devices, From: noon, To: noon.Add(span)}, steps)
		})
		if err != nil || failed != nil {
			b.Fatal(err, failed)
		}
		samples = log.Stats().Samples
	}
	took := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(span.Seconds()/took, "x/s")
	b.ReportMetric(float64(samples)/took/1e6, "Mreadings/s")
	b.ReportMetric(float64(size)/took/1e6, "MB/s")
	b.ReportMetric(float64(size)/plain.Seconds()/1e6, "disk_MB/s")
}

// plainRead reads the log's files and does nothing with them.
func plainRead(b *testing.B, dir string) (took time.Duration, size int64) {
	b.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "telemetry", "*.seg"))
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, f)
		if size += n; err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began), size
}
