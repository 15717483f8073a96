// Package commission finds out what hangs on a channel and how to read it: scan, candidates, trial read, and the probe of an
// unknown register map. The commands `gateway scan|probe|read`, the gateway's commissioning pages and its control socket use it.
//
// It promises: it only reads; it uses one channel alone, lent by the poller of a running gateway or opened by itself, and gives it
// back whatever happens; a device is never called something that its answers do not show; a caller who wants nothing more is
// obeyed within one answer's time.
package commission

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
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
	if cfg.Open == nil {
		cfg.Open = openLine
	}
	if cfg.Models == nil {
		var err error
		if cfg.Models, err = shippedModels(cfg.Lang); err != nil {
			return nil, err
		}
	}
	return &Service{cfg: cfg}, nil
}

// Models are what a device may be, as the service knows them.
func (s *Service) Models() []*config.Model { return s.cfg.Models }

// shippedModels are the profiles inside the gateway.
func shippedModels(lang config.Language) ([]*config.Model, error) {
	names, err := fs.Glob(configs.FS, "profiles/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("find profiles: %w", err)
	}
	var models []*config.Model
	for _, name := range names {
		data, err := fs.ReadFile(configs.FS, name)
		if err != nil {
			return nil, fmt.Errorf("read profile: %w", err)
		}
		if m, _ := config.ReadModel(name, data, lang); m != nil {
			models = append(models, m)
		}
	}
	return models, nil
}

// ErrNoChannel says that the site has no such channel, or none that can be scanned.
var ErrNoChannel = errors.New("no such channel")

// channel finds a channel that this package can open.
func (s *Service) channel(id string) (*config.Channel, error) {
	var ids []string
	for i, c := range s.cfg.Site.Channels {
		if c.Driver == config.DriverRTSP || c.Driver == config.DriverPlugin {
			continue
		}
		if c.ID == id {
			return &s.cfg.Site.Channels[i], nil
		}
		ids = append(ids, c.ID)
	}
	if near := configs.Nearest(id, ids); near != "" {
		return nil, fmt.Errorf("%w: %q (did you mean %s?)", ErrNoChannel, id, near)
	}
	return nil, fmt.Errorf("%w: %q (there are %v)", ErrNoChannel, id, ids)
}

// use runs work on an open line of the channel. After a recall it opens the line anew and runs work again, which must go on where
// it was; recalled is told.
func (s *Service) use(ctx context.Context, ch device.Channel, work func(ctx context.Context, l Line) error, recalled func()) error {
	once := func(ctx context.Context) error {
		l, err := s.cfg.Open(ctx, ch)
		if err != nil {
			return fmt.Errorf("open channel %s: %w", ch.ID, err)
		}
		err = work(ctx, l)
		if closed := l.Close(); err == nil && closed != nil {
			s.cfg.Log.Warn("close channel", "channel", ch.ID, "error", closed)
		}
		return err
	}
	if s.cfg.Lend == nil {
		return once(ctx)
	}
	for {
		err := s.cfg.Lend(ctx, ch.ID, once)
		if !errors.Is(err, poll.ErrRecalled) || ctx.Err() != nil {
			return err
		}
		recalled()
	}
}

// ErrRequest says that a request cannot be done, whatever the line does.
var ErrRequest = errors.New("wrong request")
