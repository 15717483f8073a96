package camera

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/linshao/linshao/firmware-sim/rtsp"
)

// hostile is a camera that says the wrong thing on purpose, another one at each connection.
type hostile struct {
	listener net.Listener
	open     chan struct{} // closed when it answers
	served   *atomic.Int64
	seed     uint64
}

// serve takes connections until ctx ends.
func (h *hostile) serve(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	stop := context.AfterFunc(ctx, func() { _ = h.listener.Close() })
	defer stop()
	for {
		conn, err := h.listener.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer conn.Close()
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			select {
			case <-h.open:
			case <-ctx.Done():
				return
			}
			n := h.served.Add(1)
			talk(conn, rand.New(rand.NewPCG(h.seed, uint64(n))))
		})
	}
}

// talk answers requests, now and then with nonsense, and after PLAY sends a picture with random mistakes and hangs up.
func talk(conn net.Conn, rnd *rand.Rand) {
	description := "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 " +
		[]string{"H264", "H264", "H264", "H265"}[rnd.IntN(4)] + "/90000\r\na=control:trackID=0\r\n"
	if rnd.IntN(6) == 0 {
		description = string(mutate([]byte(description), rnd))
	}
	for r := bufio.NewReader(conn); ; {
		method, seq := "", ""
		for line := "x"; line != "\r\n"; {
			var err error
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
			if method == "" {
				method, _, _ = strings.Cut(line, " ")
			}
			if strings.HasPrefix(line, "CSeq") {
				seq = line
			}
		}
		answer := "RTSP/1.0 200 OK\r\n" + seq
		switch method {
		case "DESCRIBE":
			answer += fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(description), description)
		case "SETUP":
			answer += "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
		case "PLAY":
			_, _ = conn.Write(append([]byte(answer+"Session: 1\r\n\r\n"), film(rnd)...))
			return
		default:
			answer += "\r\n"
		}
		if rnd.IntN(40) == 0 {
			answer = string(mutate([]byte(answer), rnd))
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}

// film is interleaved packets: the inputs that are known to break the given library, among mutations of a real picture.
func film(rnd *rand.Rand) (out []byte) {
	p := rtsp.NewPictures(16, 16)
	known := [][]byte{{24, 0, 0}, {28}, {0x67}, {0x68, 1}, {49 << 1, 0}, {0x65, 1, 2, 14}}
	for n := range 8 {
		payload := [][]byte{p.SPS(), p.PPS(), p.Key(n), p.Between(n)}[n%4]
		switch rnd.IntN(4) {
		case 0:
			payload = known[rnd.IntN(len(known))]
		case 1:
			payload = mutate(payload, rnd)
		}
		head := []byte{0x80, 0x80 | 96, 0, byte(n), 0, 0, byte(n), 0, 0, 0, 0, 1}
		if rnd.IntN(5) == 0 {
			head = mutate(head, rnd)
		}
		size := len(head) + len(payload)
		out = append(append(append(out, '$', 0, byte(size>>8), byte(size)), head...), payload...)
	}
	if rnd.IntN(8) == 0 {
		out = append(out, "RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n"...)
	}
	return out
}

// mutate changes some bytes, cuts or doubles.
func mutate(b []byte, rnd *rand.Rand) []byte {
	b = append([]byte(nil), b...)
	for range 1 + rnd.IntN(4) {
		if len(b) == 0 {
			return b
		}
		switch i := rnd.IntN(len(b)); rnd.IntN(3) {
		case 0:
			b[i] = byte(rnd.Uint32())
		case 1:
			b = b[:i]
		default:
			b = append(b, b[i:]...)
		}
	}
	return b[:min(len(b), 1400)]
}
