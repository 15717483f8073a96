package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk/driverpb"
)

// Serve is the whole main of a driver's program: it serves the driver to the gateway that started it and returns when
// the gateway has had enough. A program that was started by hand says so and exits. What the driver writes to stdout
// and stderr ends in the gateway's log at debug level; it must not print passwords.
func Serve(driver device.Driver) {
	s := &server{driver: driver, open: make(map[uint64]*session)}
	done := make(chan struct{})
	defer close(done)
	go leaveWithParent(os.Getppid(), done)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake(),
		Plugins:         plugin.PluginSet{pluginName: servedPlugin{server: s}},
		GRPCServer:      plugin.DefaultGRPCServer,
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr}),
	})
	s.closeAll()
}

// Log is a logger for drivers: what it is given ends in the gateway's log. Make it before Serve.
func Log() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// How the gateway tells a new child where it may keep something, and about the last ones.
const (
	stateKey     = "LINSHAO_STATE"
	suspectsKey  = "LINSHAO_SUSPECTS"
	mostSuspects = 64
)

// Suspects are the devices that have brought earlier processes of this driver down: it had better handle them with care.
func Suspects() []string {
	return strings.FieldsFunc(os.Getenv(suspectsKey), func(r rune) bool { return r == ',' })
}

// State is the folder in which this driver may keep small files from one life to the next, and may have to make first; "": it
// keeps nothing.
func State() string { return os.Getenv(stateKey) }

// leaveWithParent ends the process when its parent is gone, where the kernel does not.
func leaveWithParent(parent int, done <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if os.Getppid() != parent {
				os.Exit(1) // Serve is the end of main: nobody is left to return to
			}
		}
	}
}

// servedPlugin is the child's half of what go-plugin calls a plugin.
type servedPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

func (p servedPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	driverpb.RegisterDriverServer(s, p.server)
	return nil
}

func (servedPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.ErrUnsupported
}

// server answers the gateway. gRPC calls it from many goroutines; each session lets one at a time through.
type server struct {
	driverpb.UnimplementedDriverServer
	driver device.Driver

	mu   sync.Mutex
	open map[uint64]*session
}

// session is one open channel.
type session struct {
	conn device.Conn
	turn chan struct{} // holds a token while the conn is in use
}

func (s *server) Open(ctx context.Context, req *driverpb.OpenRequest) (*driverpb.OpenReply, error) {
	conn, err := s.driver.Open(ctx, channelFromWire(req.GetChannel()))
	if err != nil {
		return nil, toStatus(ctx, err)
	}
	s.mu.Lock()
	s.open[req.GetConn()] = &session{conn: conn, turn: make(chan struct{}, 1)}
	s.mu.Unlock()
	if ctx.Err() != nil { // the gateway did not wait for it
		_ = s.end(req.GetConn())
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	_, camera := conn.(device.Camera)
	return &driverpb.OpenReply{Camera: camera}, nil
}

func (s *server) Read(ctx context.Context, req *driverpb.ReadRequest) (*driverpb.ReadReply, error) {
	c, leave, err := s.enter(ctx, req.GetConn())
	if err != nil {
		return nil, err
	}
	defer leave()
	points := make([]device.Point, len(req.GetPoints()))
	for i, p := range req.GetPoints() {
		points[i] = pointFromWire(p)
	}
	readings, err := c.Read(ctx, points)
	if err != nil {
		return nil, toStatus(ctx, err)
	}
	return &driverpb.ReadReply{Readings: readingsToWire(readings)}, nil
}

func (s *server) Write(ctx context.Context, req *driverpb.WriteRequest) (*driverpb.WriteReply, error) {
	c, leave, err := s.enter(ctx, req.GetConn())
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := c.Write(ctx, pointFromWire(req.GetPoint()), req.GetValue()); err != nil {
		return nil, toStatus(ctx, err)
	}
	return &driverpb.WriteReply{}, nil
}

func (s *server) Close(ctx context.Context, req *driverpb.CloseRequest) (*driverpb.CloseReply, error) {
	if err := s.end(req.GetConn()); err != nil {
		return nil, toStatus(ctx, err)
	}
	return &driverpb.CloseReply{}, nil
}

// enter waits for the conn's turn: a call that the gateway gave up may still be at work in the driver.
func (s *server) enter(ctx context.Context, id uint64) (device.Conn, func(), error) {
	s.mu.Lock()
	open := s.open[id]
	s.mu.Unlock()
	if open == nil {
		return nil, nil, status.Error(codes.FailedPrecondition, fmt.Sprintf("conn %d is not open", id))
	}
	select {
	case open.turn <- struct{}{}:
		return open.conn, func() { <-open.turn }, nil
	case <-ctx.Done():
		return nil, nil, status.FromContextError(ctx.Err()).Err()
	}
}

func (s *server) end(id uint64) error {
	s.mu.Lock()
	open := s.open[id]
	delete(s.open, id)
	s.mu.Unlock()
	if open == nil {
		return nil
	}
	return open.conn.Close()
}

func (s *server) closeAll() {
	s.mu.Lock()
	ids := make([]uint64, 0, len(s.open))
	for id := range s.open {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	for _, id := range ids {
		_ = s.end(id)
	}
}
