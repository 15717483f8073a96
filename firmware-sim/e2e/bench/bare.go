package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

// bare is the floor under edge_cpu: the same requests to the same simulator at the same pace, by a program that does
// nothing with the answers. What it costs is the kernel's and the network's.
func bare(ctx context.Context, ready string) error {
	text, err := os.ReadFile(ready)
	if err != nil {
		return fmt.Errorf("read ready file: %w", err)
	}
	var field struct{ Devices []simulated }
	if err := json.Unmarshal(text, &field); err != nil {
		return fmt.Errorf("read ready file: %w", err)
	}
	var all sync.WaitGroup
	for _, d := range field.Devices {
		c, err := net.Dial("tcp", d.Address)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		defer c.Close()
		all.Go(func() { ask(ctx, c, byte(d.Unit)) })
	}
	all.Wait()
	return nil
}

// ask reads the registers of one device once a second.
func ask(ctx context.Context, c net.Conn, unit byte) {
	request := []byte{0, 0, 0, 0, 0, 6, unit, 3, 0, 0, 0, edgePoints}
	answer := make([]byte, 9+2*edgePoints)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := uint16(0); ; n++ {
		binary.BigEndian.PutUint16(request, n)
		if _, err := c.Write(request); err != nil {
			return
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// bareCPU runs this program as the floor and answers its processor seconds per million points.
func bareCPU(ready string) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find program: %w", err)
	}
	cmd := exec.Command(self, "-bare", ready)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start floor: %w", err)
	}
	defer end(cmd)
	const warm, measure = 5 * time.Second, 20 * time.Second
	time.Sleep(warm)
	before, err := cpu(cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	time.Sleep(measure)
	after, err := cpu(cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	return (after - before).Seconds() / (edgeDevices * edgePoints * measure.Seconds()) * 1e6, nil
}
