package uplink_test

import (
	"net"
	"sync"
	"testing"
	"time"
)

// proxy is a line that can be broken in the ways of lines, on real sockets. What is set holds for open and new connections.
type proxy struct {
	l     net.Listener
	to    string
	mu    sync.Mutex
	how   breakage
	mend  chan struct{} // closed when the breakage changes
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

// breakage is what is wrong with the line.
type breakage struct {
	latency time.Duration // each way
	rate    int           // bytes a second, each way
	slice   int           // bytes per write
	hole    bool          // nothing passes, and nobody is told
	reset   int           // after so many bytes upwards, RST
	portal  bool          // new connections get HTTP
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, to: to, mend: make(chan struct{}), conns: map[net.Conn]bool{}}
	p.all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.serve(in) })
		}
	})
	return p
}

func (p *proxy) set(how breakage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.how = how
	close(p.mend)
	p.mend = make(chan struct{})
}

func (p *proxy) now() (breakage, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.how, p.mend
}

func (p *proxy) serve(in net.Conn) {
	defer in.Close()
	if how, _ := p.now(); how.portal {
		buf := make([]byte, 4096)
		_, _ = in.Read(buf)
		_, _ = in.Write([]byte("HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n"))
		return
	}
	out, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer out.Close()
	p.mu.Lock()
	p.conns[in], p.conns[out] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pipe(in, out, true) })
	both.Go(func() { p.pipe(out, in, false) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, in)
	delete(p.conns, out)
	p.mu.Unlock()
}

func (p *proxy) close() {
	p.l.Close()
	p.set(breakage{})
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}

func (p *proxy) pipe(from, to net.Conn, up bool) {
	defer to.Close()
	buf := make([]byte, 16<<10)
	for passed := 0; ; {
		n, err := from.Read(buf)
		if err != nil {
			if how, mend := p.now(); how.hole { // the end is not told either
				<-mend
			}
			return
		}
		for b := buf[:n]; len(b) > 0; {
			how, mend := p.now()
			if how.hole {
				<-mend
				continue
			}
			part := b
			if how.slice > 0 {
				part = b[:min(how.slice, len(b))]
			}
			pause := how.latency
			if how.rate > 0 {
				part = b[:min(100, len(b))]
				pause = time.Duration(len(part)) * time.Second / time.Duration(how.rate)
			}
			<-time.After(pause)
			if passed += len(part); up && how.reset > 0 && passed > how.reset {
				_ = from.(*net.TCPConn).SetLinger(0)
				from.Close()
				return
			}
			if _, err := to.Write(part); err != nil {
				return
			}
			b = b[len(part):]
		}
	}
}
