package app

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/linshao/linshao/gateway/internal/config"
)

// Serve builds a gateway and runs it until ctx ends, and each time that it is asked to restart builds another one from the site as it
// is then. A site that cannot be built gives way to the one before it. built is told of every gateway before it runs; nil: nobody is.
func Serve(ctx context.Context, cfg Config, built func(*App)) error {
	gateway, err := New(cfg)
	if err != nil {
		return fmt.Errorf("start gateway: %w", err)
	}
	for {
		cfg.Door, cfg.Found = gateway.cfg.Door, gateway.cfg.Found // who has logged in stays so, and sees what was found
		debug.FreeOSMemory()                                      // reading the configuration took more than running does
		if built != nil {
			built(gateway)
		}
		if err := gateway.Run(ctx); err != nil {
			return err
		}
		next := gateway.Next()
		if next == nil || ctx.Err() != nil {
			return nil
		}
		cfg.Site = gateway.present()
		if gateway, cfg, err = follow(cfg, next); err != nil {
			return fmt.Errorf("start gateway again: %w", err)
		}
	}
}

// follow builds the gateway that runs next: of the new site, or else of the one before.
func follow(cfg Config, next *config.Site) (*App, Config, error) {
	before := cfg.Site
	cfg.Site, cfg.Previous, cfg.Refused = next, before, nil
	gateway, err := New(cfg)
	if err == nil {
		return gateway, cfg, nil
	}
	cfg.Site, cfg.Refused = before, err
	gateway, err = New(cfg)
	return gateway, cfg, err
}
