package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// ReadOnce opens the channel of a device, reads all its points once and closes the channel. An id of a device with ports
// reads all of them. It writes nothing.
func ReadOnce(ctx context.Context, cfg Config, id string) ([]device.Device, []device.Reading, error) {
	channel, devices := find(cfg.Site, id)
	if devices == nil {
		return nil, nil, fmt.Errorf("there is no device %q%s", id, meant(cfg.Site, id))
	}
	a := &App{cfg: Config{Log: cfg.Log, Drivers: cfg.Drivers}}
	defer func() { _ = a.closeAll() }() // only a child process to end, and that ends with us anyway
	driver, err := a.driver(channel.Channel)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := driver.Open(ctx, channel.Channel)
	if err != nil {
		return nil, nil, fmt.Errorf("open channel %s: %w", channel.ID, err)
	}
	var points []device.Point
	for _, d := range devices {
		points = append(points, d.Points...)
	}
	rs, err := conn.Read(ctx, points)
	if closed := conn.Close(); err == nil && closed != nil {
		cfg.Log.Warn("close channel", "channel", channel.ID, "error", closed)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", id, err)
	}
	return devices, rs, nil
}

func find(site *config.Site, id string) (*config.Channel, []device.Device) {
	for i, ch := range site.Channels {
		var found []device.Device
		for _, d := range ch.Devices {
			if d.ID == id || strings.HasPrefix(d.ID, id+".") {
				found = append(found, d)
			}
		}
		if found != nil {
			return &site.Channels[i], found
		}
	}
	return nil, nil
}

func meant(site *config.Site, id string) string {
	var ids []string
	for _, d := range site.Devices() {
		ids = append(ids, d.ID)
	}
	if near := configs.Nearest(id, ids); near != "" {
		return fmt.Sprintf(" (did you mean %s?)", near)
	}
	return ""
}
