package app

import (
	"context"
	"time"

	"github.com/linshao/linshao/firmware-sim/street"
)

// Streeting is the command street.
type Streeting struct {
	Broker string        `default:"127.0.0.1:1883" help:"Broker of the cloud, host:port."`
	Cloud  string        `help:"URL of a cloud in demo mode, whose incidents of the street are taken and closed as people would; empty: nobody does."`
	Sites  int           `default:"612" help:"How many compounds, 1 to 5000."`
	Seed   uint64        `default:"20261122" help:"The same seed is the same street."`
	Spread time.Duration `default:"20s" help:"Over which the connections are begun."`
}

// Run plays until ctx ends.
func (c *Streeting) Run(ctx context.Context) error {
	s, err := street.New(street.Config{Broker: c.Broker, Cloud: c.Cloud, Sites: c.Sites, Seed: c.Seed, Spread: c.Spread, Now: time.Now})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}
