// Example is a complete driver to copy: a sensor on TCP that answers lines of text. It asks "7 READ 1 temperature" and
// gets "7 21.5", where 7 counts the requests; "7 WRITE 1 fan 1" gets "7 ok"; what a sensor does not have gets "7 none".
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk"
)

func main() { sdk.Serve(driver{}) }

// driver opens a channel whose address is the sensor's host:port.
type driver struct{}

func (driver) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	tcp, err := (&net.Dialer{Timeout: ch.Timeout}).DialContext(ctx, "tcp", ch.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", ch.Address, err)
	}
	return &conn{tcp: tcp, answers: bufio.NewReaderSize(tcp, 256), timeout: ch.Timeout}, nil
}

type conn struct {
	tcp     net.Conn
	answers *bufio.Reader
	timeout time.Duration
	asked   int // requests so far; an answer repeats its number, so a late one is not taken for the next one's
}

// Read asks for one point after the other. A point that fails is a bad reading; an error is a line that is gone.
func (c *conn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	readings := make([]device.Reading, len(points))
	for i, p := range points {
		answer, err := c.ask(ctx, "READ "+p.Address+" "+p.Name)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, fmt.Errorf("read %s: %w", p.Name, err)
		}
		readings[i] = judge(p, answer, err, time.Now())
	}
	return readings, nil
}

func judge(p device.Point, answer string, err error, at time.Time) device.Reading {
	raw, bad := strconv.ParseFloat(answer, 64)
	switch {
	case err != nil:
		return device.BadReading(p, device.Timeout, at)
	case answer == "none":
		return device.BadReading(p, device.NoSuchPoint, at)
	case bad != nil:
		return device.BadReading(p, device.Corrupt, at)
	}
	return device.Judge(p, raw, at) // special values, scale, plausible range
}

// Write returns nil only when the sensor has said "ok".
func (c *conn) Write(ctx context.Context, p device.Point, v float64) error {
	if len(p.Writable) == 0 {
		return fmt.Errorf("write %s: read-only: %w", p.Name, errors.ErrUnsupported)
	}
	if !p.Allows(v) {
		return fmt.Errorf("write %s: %v is not one of %v", p.Name, v, p.Writable)
	}
	answer, err := c.ask(ctx, fmt.Sprintf("WRITE %s %s %v", p.Address, p.Name, v))
	if err == nil && answer != "ok" {
		err = fmt.Errorf("the sensor answered %q", answer)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", p.Name, err)
	}
	return nil
}

// Close makes a Read in another goroutine return with net.ErrClosed.
func (c *conn) Close() error { return c.tcp.Close() }

// ask sends a request and waits for its answer until the channel's time-out or the context ends.
func (c *conn) ask(ctx context.Context, request string) (string, error) {
	limit := time.Now().Add(c.timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(limit) {
		limit = d
	}
	if err := c.tcp.SetDeadline(limit); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.tcp.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c.asked++
	if _, err := fmt.Fprintf(c.tcp, "%d %s\n", c.asked, request); err != nil {
		return "", err
	}
	for {
		line, err := c.answers.ReadString('\n')
		if err != nil {
			return "", err
		}
		number, answer, _ := strings.Cut(strings.TrimSpace(line), " ")
		if number == strconv.Itoa(c.asked) {
			return answer, nil
		}
	}
}
