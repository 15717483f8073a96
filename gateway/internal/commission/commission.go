// Package commission finds out what hangs on a channel and how to read it: scan, candidates, trial read, and the probe of an
// unknown register map. The commands `gateway scan|probe|read`, the gateway's commissioning pages and its control socket use it.
//
// It promises: it only reads; it uses one channel alone, lent by the poller of a running gateway or opened by itself, and gives it
// back whatever happens; a device is never called something that its answers do not show; a caller who wants nothing more is
// obeyed within one answer's time.
package commission

import (
	"context"
	"log/slog"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// Config of a Service.
type Config struct {
	Site   *config.Site    // the channels, and what is configured on them
	Models []*config.Model // what a device may be; nil: the shipped profiles
	Lang   config.Language // of words inside profiles, such as the names of states
	Log    *slog.Logger    // nil: silent
	// Lend hands over the port of a channel while use runs; poll.Poller.Lend in a running gateway. It answers an error that is
	// poll.ErrRecalled when a write needed the line: the service then asks again and goes on where it was. Nil: the port is free.
	Lend func(ctx context.Context, channel string, use func(ctx context.Context) error) error
	// Open opens a line for this service. Nil: the serial port or the connection that the channel names.
	Open func(ctx context.Context, ch device.Channel) (Line, error)
}

// A Service commissions the channels of one site. Its methods may be called from several goroutines; a channel serves one at a time.
type Service struct {
	cfg Config
}

// A Line is an open channel that a Service uses: one goroutine at a time, Close from any.
type Line interface {
	// Read reads points of one address, as device.Conn does; a point's Protocol and Serial say how.
	Read(ctx context.Context, points []device.Point) ([]device.Reading, error)
	// Raw sends a frame with the settings and waits; answered says whether what came in is a whole answer.
	Raw(ctx context.Context, s device.Serial, frame []byte, answered func(got []byte) bool) (device.Exchange, error)
	Close() error
}

// Text is something for people, in both languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In is the text in a language.
func (t Text) In(lang config.Language) string {
	if lang == config.Chinese {
		return t.ZH
	}
	return t.EN
}

// A Setting is how a serial line speaks; zero on a connection.
type Setting struct {
	Baud     int           `json:"baud,omitempty"`
	Parity   device.Parity `json:"parity,omitempty"`
	StopBits int           `json:"stop_bits,omitempty"`
}

// A Hint says what is probably wrong and what to do about it.
type Hint struct {
	Code    string `json:"code"`              // a key of the help: "duplicate-address", "silent", "echo", "wrong-setting", "far-end", …
	Address string `json:"address,omitempty"` // of the device it is about
	Text    Text   `json:"text"`
}

// ms is a duration as it goes over the socket.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// New makes a service. It touches no device.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg}, nil
}
