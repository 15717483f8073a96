package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk"
)

// The test binary is its own plug-in, and its own host for the test in which the host dies.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "driver":
			sdk.Serve(faulty{})
			return
		case "host":
			host()
			return
		case "mute":
			select {}
		case "grandparent":
			grandparent()
			return
		}
	}
	goleak.VerifyTestMain(m)
}

// host starts a driver, prints its process id and waits to be killed.
func host() {
	p, err := sdk.Launch(sdk.Command{Path: os.Args[0], Args: []string{"driver"}})
	if err == nil {
		_, err = p.Open(context.Background(), device.Channel{ID: "x"})
	}
	fmt.Println(p.Status().PID, err)
	select {}
}

// grandparent leaves a grandchild behind that holds our pipes.
func grandparent() {
	cmd := exec.Command(os.Args[0], "mute")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	sdk.Serve(faulty{})
}

// faulty is a driver that does what a point's name says.
type faulty struct{}

func (faulty) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	switch ch.Address {
	case "environment":
		return nil, errors.New(strings.Join(os.Environ(), "\n"))
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "unsupported":
		return nil, fmt.Errorf("open a thing: %w", errors.ErrUnsupported)
	case "echo":
		return nil, fmt.Errorf("%+v", ch)
	}
	return &faultyConn{ch: ch, closed: make(chan struct{})}, nil
}

type faultyConn struct {
	ch     device.Channel
	once   sync.Once
	closed chan struct{}
}

func (c *faultyConn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	at := time.Unix(1_800_000_000, 123)
	readings := make([]device.Reading, 0, len(points))
	for _, p := range points {
		switch p.Name {
		case "panic":
			go panic("boom in a library's goroutine")
			<-ctx.Done()
		case "wait":
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-c.closed:
				return nil, errors.New("closed")
			}
		case "deaf": // heeds no context: the gateway's own deadline must do
			<-c.closed
		case "short":
			return readings, nil
		case "leave":
			os.Exit(0)
		case "eat":
			return nil, fmt.Errorf("ate %d bytes", len(eat()))
		case "print":
			// go-plugin's own parser would panic the host on this.
			fmt.Fprintln(realStderr(), `{"@message":1,"@level":["x"]}`)
			readings = append(readings, device.Judge(p, 1, at))
		case "nan":
			readings = append(readings, device.Reading{Device: "another", Point: "other", Value: math.NaN(), Quality: device.Good, Time: at})
		case "empty":
			readings = append(readings, device.Reading{})
		case "lied": // good, and why it is not
			readings = append(readings, device.Reading{Value: 1, Quality: device.Good, Reason: device.Stuck, Time: at})
		case "bad":
			readings = append(readings, device.BadReading(p, device.DeviceBusy, at))
		case "special":
			readings = append(readings, device.Judge(p, 0x7FFF, at))
		case "pid":
			readings = append(readings, device.Judge(p, float64(os.Getpid()), time.Time{}))
		default:
			readings = append(readings, device.Judge(p, 235, at))
		}
	}
	return readings, nil
}

// realStderr is the process's own, which go-plugin has replaced in package os.
func realStderr() *os.File { return os.NewFile(2, "stderr") }

// eat takes memory until somebody ends it.
func eat() (eaten [][]byte) {
	for range time.Tick(time.Millisecond) {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		eaten = append(eaten, b)
	}
	return eaten
}

func (c *faultyConn) Write(_ context.Context, p device.Point, _ float64) error {
	switch { // it does not look at what the profile allows, as a careless driver would not
	case p.Name == "cannot":
		return fmt.Errorf("write %s: %w", p.Name, errors.ErrUnsupported)
	case p.Name == "broken":
		return errors.New("the relay did not move")
	}
	return nil
}

func (c *faultyConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
