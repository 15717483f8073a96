package modbus_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
)

// BenchmarkReadTCP reads 20 neighbouring points of one device per operation. The figure that counts is cpu-ns/point:
// processor time, kernel included, of the driver and of the far end together.
func BenchmarkReadTCP(b *testing.B) {
	address := listen(b, func(c net.Conn) { // a far end that costs next to nothing
		in, out := make([]byte, 12), make([]byte, 9+40)
		for {
			if _, err := c.Read(in); err != nil {
				return
			}
			copy(out, in[:4])
			out[5], out[6], out[7], out[8] = 3+40, in[6], in[7], 40
			_, _ = c.Write(out) // the benchmark's end
		}
	})
	var points []device.Point
	for i := range uint32(20) {
		p := point("holding", i, "u16")
		p.Scale, p.Max = 0.1, 7000
		points = append(points, p)
	}
	c := open(b, modbus.TCP{}, tcpChannel(address, time.Second))
	ctx := b.Context()
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		if _, err := c.Read(ctx, points); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu()-before)/float64(b.N)/20, "cpu-ns/point")
}

// cpu is the processor time of the process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no process of its own
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
