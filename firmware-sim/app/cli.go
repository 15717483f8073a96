package app

import (
	"context"
	"os"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
)

// CLI is the command line, for kong.
type CLI struct {
	Play   Playing   `cmd:"" help:"Play a site from a scenario file."`
	Bench  Benching  `cmd:"" help:"Serve many Modbus TCP devices whose every answer can be checked."`
	Demo   Demoing   `cmd:"" help:"Play the whole product on loopback: this simulator, gateways and cloud."`
	Street Streeting `cmd:"" help:"Play a street of light compounds over MQTT, each with its own gateway."`
}

// Demoing is the command demo.
type Demoing struct {
	Repository string `default:"." type:"existingdir" help:"Root of the repository."`
	Street     int    `default:"612" help:"Light compounds beside the two full ones; 0: none."`
	Seed       uint64 `default:"20261122" help:"Of the street: the same seed is the same street."`
	Port       int    `default:"7080" help:"Of the page; the next free one when it is in use."`
}

// Run shows the product until ctx ends or the person quits.
func (c *Demoing) Run(ctx context.Context) error {
	return demo.Show(ctx, demo.Options{Repository: c.Repository, Street: c.Street, Seed: c.Seed, Port: c.Port}, os.Stdin, os.Stdout)
}

// Playing is the command play.
type Playing struct {
	Scenario string `arg:"" help:"Scenario file (YAML)."`
	Dir      string `default:"." help:"Folder for the serial lines."`
	T0       int64  `name:"t0" help:"Origin of the simulated clock, Unix ms (default: now)."`
	Ready    string `help:"JSON file to write when everything is open."`
	Control  string `default:"127.0.0.1:0" help:"Control port; loopback only."`
	Journal  string `help:"File for every Modbus value served (JSON lines)."`
	Lang     string `default:"zh" enum:"zh,en" help:"Language of the events printed: zh, en."`
}

// Run plays until ctx ends.
func (c *Playing) Run(ctx context.Context) error {
	t0 := time.Now()
	if c.T0 != 0 {
		t0 = time.UnixMilli(c.T0)
	}
	p, err := NewPlay(PlayConfig{
		Scenario: c.Scenario, Dir: c.Dir, T0: t0, Ready: c.Ready, Control: c.Control, Journal: c.Journal,
		Lang: c.Lang, Out: os.Stdout, Now: time.Now,
	})
	if err != nil {
		return err
	}
	return p.Run(ctx)
}

// Benching is the command bench.
type Benching struct {
	Devices   int    `default:"500" help:"How many devices."`
	Registers int    `default:"20" help:"Registers of each."`
	PerPort   int    `default:"247" help:"Devices behind one TCP port, 1 to 247."`
	Ready     string `help:"JSON file to write when everything is open."`
	Control   string `default:"127.0.0.1:0" help:"Control port; loopback only."`
	Journal   string `help:"File for every value served (JSON lines)."`
}

// Run serves until ctx ends.
func (c *Benching) Run(ctx context.Context) error {
	b, err := NewBench(BenchConfig{
		Devices: c.Devices, Registers: c.Registers, PerPort: c.PerPort, Ready: c.Ready, Control: c.Control, Journal: c.Journal, T0: time.Now(),
	})
	if err != nil {
		return err
	}
	return b.Run(ctx)
}
