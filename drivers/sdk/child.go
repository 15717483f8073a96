package sdk

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	pluginrunner "github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	health "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/linshao/linshao/drivers/sdk/driverpb"
)

const (
	startTimeout = 10 * time.Second // from start to handshake
	heartbeat    = 2 * time.Second  // between two looks at a child
	patience     = 3 * time.Second  // for a heartbeat's answer, and for an orderly end
	largestReply = 16 << 20         // bytes of one answer
)

// A child is one life of a driver's process: from a handshake to its end. Process makes it, supervises and buries it.
type child struct {
	name    string
	client  *plugin.Client
	run     *runner
	stderr  *lines
	rpc     driverpb.DriverClient
	health  health.HealthClient
	started time.Time

	suspect chan struct{} // poked when a call missed its deadline
	ended   chan struct{} // closed by Process when the end has been recorded
	end     error         // why it ended; read after ended is closed

	mu  sync.Mutex
	why error // first thing that went wrong
}

// hostPlugin is our half of what go-plugin calls a plugin.
type hostPlugin struct {
	plugin.NetRPCUnsupportedPlugin
}

func (hostPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return errors.ErrUnsupported }

func (hostPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

// startChild starts the process and shakes hands. When it returns an error, nothing is left behind.
func startChild(ctx context.Context, cmd Command) (*child, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c := &child{
		name:    cmd.name(),
		stderr:  &lines{log: cmd.Log, source: "stderr"},
		started: time.Now(),
		suspect: make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
	// A child that hangs during the handshake must not hang us.
	calm := func() bool { return true }
	c.client = plugin.NewClient(c.config(cmd, func(r *runner) {
		c.run, calm = r, context.AfterFunc(ctx, r.kill)
	}))
	conn, err := c.connect()
	if err == nil && !calm() {
		err = ctx.Err()
	}
	if err != nil {
		c.bury()
		return nil, fmt.Errorf("start driver %s: %w", c.name, c.startError(err))
	}
	c.rpc, c.health = driverpb.NewDriverClient(conn), health.NewHealthClient(conn)
	return c, nil
}

func (c *child) config(cmd Command, made func(*runner)) *plugin.ClientConfig {
	return &plugin.ClientConfig{
		HandshakeConfig:  handshake(),
		Plugins:          plugin.PluginSet{pluginName: hostPlugin{}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestReply))},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     startTimeout,
		Logger:           newHostLog(cmd.Log),
		Stderr:           c.stderr,
		SyncStdout:       &lines{log: cmd.Log, source: "stdout"},
		SyncStderr:       &lines{log: cmd.Log, source: "stderr"},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, _ string) (pluginrunner.Runner, error) {
			r := newRunner(cmd, spec)
			made(r)
			return r, nil
		},
	}
}

func (c *child) connect() (*grpc.ClientConn, error) {
	protocol, err := c.client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := protocol.Dispense(pluginName)
	if err != nil {
		return nil, err
	}
	conn, ok := raw.(*grpc.ClientConn)
	if !ok {
		return nil, fmt.Errorf("go-plugin dispensed %T", raw)
	}
	return conn, nil
}

// startError prefers the child's own last words, and cuts go-plugin's advice, which is several lines long.
func (c *child) startError(err error) error {
	if words := c.stderr.lastWords(); words != "" {
		return fmt.Errorf("%w: %s", ErrCrashed, words)
	}
	if errors.Is(err, plugin.ErrChecksumsDoNotMatch) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %s", ErrCrashed, strings.Join(strings.Fields(err.Error()), " "))
}

// watch returns when the process has ended, by itself or by our hand, and says why; nil when stop asked for it.
func (c *child) watch(stop <-chan struct{}, limit int64) error {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			c.bury()
			return nil
		case <-c.run.waited:
			c.bury()
			return c.obituary()
		case <-c.suspect:
		case <-tick.C:
		}
		if err := c.look(limit); err != nil {
			c.condemn(err)
		}
	}
}

// look asks the child whether it breathes, and weighs it.
func (c *child) look(limit int64) error {
	if size := resident(c.run.cmd.Process.Pid); size > limit {
		return fmt.Errorf("it used %d MiB of %d", size>>20, limit>>20)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := c.health.Check(ctx, &health.HealthCheckRequest{Service: plugin.GRPCServiceName})
	if err != nil && ctx.Err() == nil { // its line broke, so it is ending: what it has to say of that counts more than we do
		select {
		case <-c.run.waited:
			return nil
		case <-ctx.Done():
		}
	}
	if err != nil {
		return fmt.Errorf("it did not breathe for %s: %w", patience, err)
	}
	return nil
}

// condemn kills the process for a reason; the first one counts.
func (c *child) condemn(why error) {
	c.mu.Lock()
	if c.why == nil {
		c.why = why
	}
	c.mu.Unlock()
	c.run.kill()
}

// bury ends the process, politely for as long as patience lasts, and waits for all that belongs to it.
func (c *child) bury() {
	if c.run == nil {
		return // go-plugin gave up before it made a runner
	}
	// Kill hangs for ever on a frozen child.
	impatient := time.AfterFunc(patience, c.run.kill)
	defer impatient.Stop()
	c.client.Kill()
	<-c.run.nursed
}

// obituary says why the process ended: its own last words, else our reason, else its exit status.
func (c *child) obituary() error {
	c.mu.Lock()
	why := c.why
	c.mu.Unlock()
	if words := c.stderr.lastWords(); words != "" {
		if dev := c.stderr.culprit(); dev != "" {
			return fmt.Errorf("%w while it worked for %s: %s", ErrCrashed, dev, words)
		}
		return fmt.Errorf("%w: %s", ErrCrashed, words)
	}
	if why == nil {
		why = c.run.exit()
	}
	return fmt.Errorf("%w: %w", ErrCrashed, why)
}

// lost is called with a transport's error: the child cannot be talked to. It waits for the end to be recorded, so that
// the next Open starts a new process, and returns why.
func (c *child) lost(ctx context.Context, err error) error {
	select {
	case <-c.run.waited: // it ended by itself: how it did says more than that our line to it is closing
	default:
		c.condemn(err)
	}
	select {
	case <-c.ended:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrCrashed, err)
	}
	if c.end == nil {
		return fmt.Errorf("%w: it was closed", ErrCrashed)
	}
	return c.end
}

// doubt asks the watcher to look at the child now.
func (c *child) doubt() {
	select {
	case c.suspect <- struct{}{}:
	default:
	}
}
