// Package uplink brings the records of the outbox to the cloud over MQTT, and takes the cloud's word back.
//
// It promises: a record counts as delivered only when the cloud's cumulative acknowledgement for this session and epoch
// says so, never because a broker confirmed it; records of a stream go up in order, and are repeated until acknowledged;
// events go before telemetry, and no stream waits for another's answer; what the cloud will never take is set aside and
// reported, and does not stop what follows. DESIGN.md has the protocol.
package uplink

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// Stream is what the uplink needs of an outbox; *outbox.Log has it.
type Stream interface {
	// State is the epoch, the oldest number held (0: none) and the next number.
	State() (epoch, oldest, next uint64)
	// Read returns records without a hole between them, the first being the first there is from number from on.
	Read(from uint64, maxBytes int) ([]outbox.Record, error)
	// Ack says that the cloud has everything up to cum.
	Ack(cum uint64)
	// Changed is closed when there is more to read.
	Changed() <-chan struct{}
}

// Feed is one stream to bring up.
type Feed struct {
	ID     uint32 // wire's stream number
	Stream Stream
}

// Looks is what cameras show now, encoded and in order.
type Looks interface {
	// Next takes the next piece; nil: there is none of at most so many bytes.
	Next(most int) []byte
	// Changed is closed when there is another.
	Changed() <-chan struct{}
}

// Config of an uplink.
type Config struct {
	URL     string      // mqtt://host:port, allowed to loopback only, or mqtts://host:port
	TLS     *tls.Config // for mqtts: the cloud's CA and the gateway's certificate
	Gateway string
	Version string
	Boot    uint32
	Streams []Feed // in order of precedence: events first

	FirstDelay  time.Duration                        // the first connection is made after a random part of it
	KeepAlive   time.Duration                        // of MQTT, whole seconds; half as long again in silence ends a connection. 0: 30 s
	DeadDir     string                               // folder for records that the cloud refuses; empty keeps none
	OnGap       func(outbox.Gap)                     // told of refused records; must not block. nil: nobody is
	OnCommand   func(session uint64, payload []byte) // given every down/command payload, and the session that it came in; must not block. nil: they are ignored
	OnLinger    func(time.Duration)                  // given the linger of every acknowledgement of the present session, 0: the default; must not block
	EvidenceKey []byte                               // goes up with every hello: the public key of the gateway's evidence; empty: it makes none
	Redial      <-chan struct{}                      // what it brings ends the session, and the next begins at once; nil: nothing does
	OnFenced    func()                               // told when another gateway was found to use our identity; must not block
	Looks       []Looks                              // in order of precedence; none: no camera is shown
	Newest      func() []byte                        // an encoded Readings payload, the newest reading of every point; nil: no live lane
	Urgent      func() bool                          // whether the events that wait include one that somebody waits for; nil: never
	Now         func() time.Time                     // wall clock for the cloud to see; nil is time.Now
	Clock       func() uint32                        // quality of Now (wire.ClockUnknown …); nil: unknown
	Started     time.Time                            // start of the process, origin of the hello's mono_ms; zero is the time of New
	Metrics     *Metrics                             // nil: counted for nobody
	Log         *slog.Logger                         // nil discards
}

// Uplink is the gateway's end of the wire.
type Uplink struct {
	cfg       Config
	dialer    dialer
	dead      deadLetters
	connected atomic.Bool
	lastAck   atomic.Int64 // Unix ms of the gateway's real clock

	// Only Run uses these; they outlive a session.
	notBefore time.Time // the cloud asked not to come back before
	pace      pacer
	twins     twins
	marks     map[uint32]*mark // by stream
}

// mark is where what was never sent begins: numbers given out by this process and not put on the wire yet.
type mark struct{ epoch, next uint64 }

// mark notes how far a stream has been sent. What an earlier process may have sent counts as sent.
func (u *Uplink) mark(w *window) {
	if m := u.marks[w.stream]; m == nil || m.epoch != w.epoch {
		u.marks[w.stream] = &mark{w.epoch, w.high}
	} else {
		m.next = max(m.next, w.high)
	}
}

type dialer interface {
	dial(ctx context.Context, a address) (link, error)
}

// New checks a config. It connects nothing.
func New(cfg Config) (*Uplink, error) {
	if err := wire.CheckGateway(cfg.Gateway); err != nil {
		return nil, err
	}
	if len(cfg.Streams) == 0 {
		return nil, errors.New("uplink without streams")
	}
	if cfg.KeepAlive == 0 {
		cfg.KeepAlive = keepAlive
	}
	d, err := newDialer(cfg.URL, cfg.TLS, cfg.KeepAlive)
	if err != nil {
		return nil, err
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Clock == nil {
		cfg.Clock = func() uint32 { return wire.ClockUnknown }
	}
	if cfg.Started.IsZero() {
		cfg.Started = time.Now()
	}
	return &Uplink{cfg: cfg, dialer: d, dead: deadLetters{cfg.DeadDir}, marks: map[uint32]*mark{}}, nil
}

// newDialer refuses what would send readings or take acknowledgements unprotected.
func newDialer(text string, config *tls.Config, alive time.Duration) (dialer, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("cloud url is not usable") // the error would repeat it, and a password in it
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("cloud url %q: write mqtts://host:8883", u.Redacted())
	}
	port := map[string]string{"mqtt": "1883", "mqtts": "8883"}[u.Scheme]
	if port == "" {
		return nil, fmt.Errorf("cloud url %q: the scheme must be mqtts (or mqtt to this machine)", u.Redacted())
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	socket := (&net.Dialer{}).DialContext
	if u.Scheme == "mqtt" {
		ip := net.ParseIP(u.Hostname())
		if u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("cloud url %q: plain mqtt leaves this machine; use mqtts", u.Redacted())
		}
		return pahoDialer{url: u, keepAlive: alive, socket: socket}, nil
	}
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return pahoDialer{url: u, tls: config, keepAlive: alive, socket: socket}, nil
}

// Connected says whether a session is open now.
func (u *Uplink) Connected() bool { return u.connected.Load() }

// LastAck is when the cloud last acknowledged something or answered a hello; zero: never since the start.
func (u *Uplink) LastAck() time.Time {
	if ms := u.lastAck.Load(); ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// Run keeps a session open until ctx ends.
func (u *Uplink) Run(ctx context.Context) error {
	for _, f := range u.cfg.Streams {
		epoch, _, next := f.Stream.State()
		u.marks[f.ID] = &mark{epoch, next}
	}
	first := u.cfg.FirstDelay
	if u.urgent() {
		first = min(first, firstUrgent)
	}
	u.rest(ctx, jitter(first), firstUrgent)
	for failed := 0; ctx.Err() == nil; failed++ {
		begin := time.Now()
		answered, err := u.serve(ctx)
		if ctx.Err() != nil {
			break
		}
		if answered {
			failed = 0
			if time.Since(begin) > settled {
				failed = herdStart
			}
		}
		if errors.Is(err, errRedial) {
			continue
		}
		if errors.Is(err, errFenced) {
			u.stepAside(ctx)
			continue
		}
		pause := u.pause(failed, err, u.urgent(), time.Now())
		u.cfg.Log.Warn("no session with the cloud", "err", err, "again in", pause.Round(time.Millisecond))
		u.rest(ctx, pause, retryUrgent)
	}
	return nil
}

// stepAside leaves the broker to another gateway with the same identity, for so long that both are heard of and neither
// hinders the other all the time. People must decide which one is real; this one cannot know.
func (u *Uplink) stepAside(ctx context.Context) {
	pause := fenceLeast + jitter(2*fenceLeast)
	u.cfg.Log.Error("another gateway uses this one's identity; this one steps aside", "for", pause.Round(time.Second))
	u.tellFenced()
	wait(ctx, pause)
	u.twins.forgive()
}

func (u *Uplink) tellFenced() {
	u.cfg.Metrics.Fenced.Inc()
	if u.cfg.OnFenced != nil {
		u.cfg.OnFenced()
	}
}

// jitter is a random duration from 0 to most.
func jitter(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(most)))
	if err != nil {
		return most
	}
	return time.Duration(n.Int64())
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func newNonce() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
