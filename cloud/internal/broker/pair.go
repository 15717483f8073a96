package broker

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// A Pair is a server's certificate and key, read anew when their files are others. One that cannot be read leaves the one before.
type Pair struct {
	cert, key string

	mu    sync.Mutex
	pair  *tls.Certificate
	stamp [2]time.Time // of the files that were read
}

// OpenPair reads a certificate with its chain, and its key.
func OpenPair(certFile, keyFile string) (*Pair, error) {
	p := &Pair{cert: certFile, key: keyFile}
	return p, p.read(p.stamps())
}

func (p *Pair) stamps() (s [2]time.Time) {
	for i, name := range []string{p.cert, p.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = info.ModTime()
		}
	}
	return s
}

func (p *Pair) read(stamp [2]time.Time) error {
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return fmt.Errorf("load server certificate: %w", err)
	}
	p.pair, p.stamp = &pair, stamp
	return nil
}

// Get answers the certificate of a handshake.
func (p *Pair) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.stamps(); now != p.stamp {
		_ = p.read(now) // half written, or gone: the one before still serves
	}
	return p.pair, nil
}
