package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/device/devicetest"
	"github.com/linshao/linshao/drivers/sdk"
)

// sensor answers lines of text; device 9 never does.
type sensor struct {
	mu     sync.Mutex
	values map[string]string // "1 temperature" → "21.5"
}

func (s *sensor) answer(line string) string {
	number, request, _ := strings.Cut(line, " ")
	f := strings.Fields(request)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(f) < 3 || f[1] == "9":
		return ""
	case f[0] == "WRITE":
		s.values[f[1]+" "+f[2]] = f[3]
		return number + " ok\n"
	}
	if v, ok := s.values[f[1]+" "+f[2]]; ok {
		return number + " " + v + "\n"
	}
	return number + " none\n"
}

// serve gives the sensor's address; everything has ended when the test does.
func (s *sensor) serve(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { _ = listener.Close() })
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					fmt.Fprint(c, s.answer(lines.Text()))
				}
			})
		}
	})
	return listener.Addr().String()
}

func conformance(t *testing.T, driver device.Driver) {
	s := &sensor{values: map[string]string{"1 temperature": "215", "1 humidity": "48", "1 fan": "0"}}
	channel := device.Channel{ID: "line-1", Driver: "plugin", Address: s.serve(t), Timeout: time.Second}
	point := func(name string) device.Point { return device.Point{Device: "s-1", Name: name, Address: "1"} }
	temperature, fan := point("temperature"), point("fan")
	temperature.Scale, temperature.Unit = 0.1, "°C"
	fan.Writable = []float64{0, 1}

	// The first Open starts the child: what belongs to the process must not be taken for the connection's.
	warm, err := driver.Open(t.Context(), channel)
	if err != nil {
		t.Fatal(err)
	}
	if err := warm.Close(); err != nil {
		t.Fatal(err)
	}
	devicetest.Run(t, devicetest.Case{
		Driver:  driver,
		Channel: channel,
		Points:  []devicetest.Want{{Point: temperature, Value: 21.5}, {Point: point("humidity"), Value: 48}, {Point: fan}},
		Missing: point("altitude"),
		Absent:  "9",
		Writes:  []devicetest.Want{{Point: fan, Value: 1}, {Point: fan, Value: 0}},
	})
}

func TestInProcess(t *testing.T) { conformance(t, driver{}) }

func TestOutOfProcess(t *testing.T) {
	program := filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	process, err := sdk.Launch(sdk.Command{Path: program})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Close() })
	conformance(t, process)
}
