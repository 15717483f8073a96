package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/sdk"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/ascii"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/drivers/serial/osdp"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/passwords"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// driverRTSP is the child program for cameras, beside the gateway's own executable.
const driverRTSP = "driver-rtsp"

// driversDir is where, in the data folder, child programs keep small files of their own.
const driversDir = "drivers"

// cameraMemory is what one channel of cameras may use, in bytes: 144 MiB of pictures, and as much again while they are cut.
const cameraMemory = 384 << 20

// shipped are the drivers inside the gateway. A new one is one line here.
func shipped() map[string]device.Driver {
	taught := &modbus.Memory{}
	return map[string]device.Driver{
		config.DriverModbusTCP: modbus.TCP{Memory: taught},
		config.DriverModbusRTU: modbus.RTU{Memory: taught},
		config.DriverDLT645:    serial.DLT645{},
		config.DriverCJT188:    serial.CJT188{},
		config.DriverOSDP:      osdp.Driver{},
		config.DriverGB15322:   gashistory.Driver{},
		config.DriverASCII:     ascii.Driver{},
		config.DriverSerial: serial.Shared{"modbus": modbus.RTU{Memory: taught}, "dlt645": serial.DLT645{}, "cjt188": serial.CJT188{},
			"osdp": osdp.Driver{}, "gb15322": gashistory.Driver{}},
	}
}

// driver of a channel; nil when there is none. A driver outside the gateway gets a process for each channel, so that a device
// that crashes it puts no other channel into quarantine. The process starts with the channel.
func (a *App) driver(ch device.Channel) (device.Driver, error) {
	if a.cfg.Drivers != nil {
		return a.cfg.Drivers[ch.Driver], nil
	}
	switch ch.Driver {
	case config.DriverRTSP:
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", driverRTSP, err)
		}
		return passwords.Driver{Driver: a.launch(filepath.Join(filepath.Dir(self), driverRTSP), cameraMemory), Files: a.passwordsOf(ch.ID), Log: a.cfg.Log}, nil
	case config.DriverPlugin:
		return a.launch(ch.Address, 0), nil
	}
	return shipped()[ch.Driver], nil
}

// passwordsOf are the files of a channel's cameras.
func (a *App) passwordsOf(channel string) []passwords.File {
	for _, c := range a.cfg.Site.Channels {
		if c.ID == channel {
			return c.Passwords
		}
	}
	return nil
}

// launch makes a driver of a child process. A child that is not there must not keep the gateway from running: its channels are down.
func (a *App) launch(path string, memory int64) device.Driver {
	process, err := sdk.Launch(sdk.Command{Path: path, MemoryLimit: memory, State: filepath.Join(a.cfg.Site.Data, driversDir), Log: a.cfg.Log})
	if err != nil {
		a.cfg.Log.Error("launch driver", "path", path, "error", err)
		return missing{err}
	}
	a.toClose = append(a.toClose, process.Close)
	return process
}

// missing is a driver whose program is not there.
type missing struct{ err error }

// Open says so.
func (m missing) Open(context.Context, device.Channel) (device.Conn, error) { return nil, m.err }

// write sends a write to the channel of the device.
func (a *App) write(ctx context.Context, key device.Key, v float64) error {
	p := a.byKey[key.Device]
	if p == nil {
		return fmt.Errorf("write %s: %w", key.Device, poll.ErrNoPoint)
	}
	return p.Write(ctx, key, v)
}

// read asks the channel of the device for one point, out of turn.
func (a *App) read(ctx context.Context, key device.Key) (device.Reading, error) {
	p := a.byKey[key.Device]
	if p == nil {
		return device.Reading{}, fmt.Errorf("read %s: %w", key.Device, poll.ErrNoPoint)
	}
	return p.Read(ctx, key)
}
