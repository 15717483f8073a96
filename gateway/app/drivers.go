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
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// driverRTSP is the child program for cameras, beside the gateway's own executable.
const driverRTSP = "driver-rtsp"

// drivers are those of the site's channels. A new driver is one line here. Children start with their first channel.
func (a *App) drivers() (map[string]device.Driver, error) {
	drivers := map[string]device.Driver{
		config.DriverModbusTCP: modbus.TCP{},
		config.DriverModbusRTU: modbus.RTU{},
		config.DriverDLT645:    serial.DLT645{},
	}
	for _, ch := range a.cfg.Site.Channels {
		key, path := ch.Driver, ch.Address
		switch ch.Driver {
		case config.DriverRTSP:
			self, err := os.Executable()
			if err != nil {
				return nil, fmt.Errorf("find %s: %w", driverRTSP, err)
			}
			path = filepath.Join(filepath.Dir(self), driverRTSP)
		case config.DriverPlugin:
			key = pluginKey(ch.Address)
		default:
			continue
		}
		if drivers[key] == nil {
			drivers[key] = a.launch(path)
		}
	}
	return drivers, nil
}

func pluginKey(path string) string { return config.DriverPlugin + ":" + path }

// launch makes a driver of a child process. A child that is not there must not keep the gateway from running: its channels are down.
func (a *App) launch(path string) device.Driver {
	process, err := sdk.Launch(sdk.Command{Path: path, Log: a.cfg.Log})
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
