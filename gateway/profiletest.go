package main

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/gateway/internal/config"
)

// Protocols whose golden values can be played, as they stand in profiles.
const (
	protocolModbus  = "modbus"
	protocolDLT645  = "dlt645"
	protocolCJT188  = "cjt188"
	protocolGB15322 = "gb15322"
)

type profileTestCmd struct {
	Files []string `arg:"" optional:"" type:"path" help:"Profiles to test. Default: all that are shipped."`
	JSON  bool     `name:"json" help:"Print JSON."`
}

// testedProfile is what the test of one file showed.
type testedProfile struct {
	File     string           `json:"file"`
	Points   int              `json:"points"`
	Golden   int              `json:"golden"`
	Problems configs.Problems `json:"problems,omitempty"`
	Findings []string         `json:"findings,omitempty"`
}

func (t testedProfile) right() bool { return len(t.Problems) == 0 && len(t.Findings) == 0 }

// Run tests profiles.
func (c profileTestCmd) Run(ctx context.Context, lang config.Language) error {
	sources, err := c.sources()
	if err != nil {
		return err
	}
	all, wrong := []testedProfile{}, 0
	for _, src := range sources {
		t, err := testProfile(ctx, lang, src.name, src.data)
		if err != nil {
			return exit{exitDevice, err}
		}
		if !t.right() {
			wrong++
		}
		all = append(all, t)
	}
	if c.JSON {
		return printed(all, wrong == 0)
	}
	say := speaker(lang)
	for _, t := range all {
		if t.right() {
			fmt.Printf(say("通过  %s  %d 个点位，%d 个标准值\n", "ok    %s  %d points, %d golden values\n"), t.File, t.Points, t.Golden)
			continue
		}
		fmt.Printf(say("不通过  %s\n", "FAIL  %s\n"), t.File)
		printProblems(os.Stdout, lang, t.Problems)
		for _, f := range t.Findings {
			fmt.Println("      " + f)
		}
	}
	fmt.Printf(say("%d 个型号，%d 个不通过\n", "%d models, %d failed\n"), len(all), wrong)
	if wrong > 0 {
		return exit{code: exitFinding}
	}
	return nil
}

type profileSource struct {
	name string
	data []byte
}

func (c profileTestCmd) sources() ([]profileSource, error) {
	var sources []profileSource
	for _, file := range c.Files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, exit{exitUsage, fmt.Errorf("read profile: %w", err)}
		}
		sources = append(sources, profileSource{shorter(file), data})
	}
	if len(sources) > 0 {
		return sources, nil
	}
	files, names, err := profileFiles("")
	if err != nil {
		return nil, exit{exitDevice, err}
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, exit{exitDevice, fmt.Errorf("read profile: %w", err)}
		}
		sources = append(sources, profileSource{name, data})
	}
	return sources, nil
}

// testProfile checks one file and plays its golden values. An error says that the test itself could not run.
func testProfile(ctx context.Context, lang config.Language, file string, data []byte) (testedProfile, error) {
	m, problems := config.ReadModel(file, data, lang)
	t := testedProfile{File: file, Problems: problems}
	if m == nil {
		return t, nil
	}
	t.Points, t.Golden = len(m.Points), len(m.Golden)
	check, driver, address := driverOf(m.Protocol)
	if driver == nil {
		return t, nil // its values do not come from registers
	}
	say := speaker(lang)
	for i, p := range m.Points {
		if m.Points[i].Device, m.Points[i].Address = m.Name, address; p.Register.Space == config.SpaceGateway {
			continue // no driver reads it
		}
		if err := check(m.Points[i]); err != nil {
			t.Findings = append(t.Findings, err.Error())
		}
		if !slices.ContainsFunc(m.Golden, func(g config.Golden) bool { return g.Point == p.Name }) {
			t.Findings = append(t.Findings, fmt.Sprintf(say("点位 %s 没有标准值", "point %s has no golden value"), p.Name))
		}
	}
	findings, err := playGolden(ctx, lang, m, driver)
	t.Findings = append(t.Findings, findings...)
	return t, err
}

// driverOf finds the driver of a protocol, its check of a point, and an address of the protocol's form.
func driverOf(protocol string) (check func(device.Point) error, d device.Driver, address string) {
	switch protocol {
	case protocolModbus:
		return modbus.CheckPoint, modbus.TCP{}, "1"
	case protocolDLT645:
		return serial.CheckPoint, serial.DLT645{}, "000000000001"
	case protocolCJT188:
		return serial.CheckCJT188, serial.CJT188{}, "00000000000001"
	}
	if protocol == protocolGB15322 {
		newYear := time.Date(2025, 12, 31, 16, 0, 0, 0, time.UTC) // in China
		return gashistory.CheckPoint, gashistory.Driver{Now: func() time.Time { return newYear }}, ""
	}
	return nil, nil, ""
}

// playGolden reads every golden value of a profile through its driver.
func playGolden(ctx context.Context, lang config.Language, m *config.Model, d device.Driver) (findings []string, err error) {
	slave, err := newProfileSlave(m.Protocol)
	if err != nil {
		return nil, err
	}
	defer func() { _ = slave.close() }() // it has answered what was asked
	ch := device.Channel{ID: "loopback", Address: slave.listener.Addr().String(), Timeout: 5 * time.Second}
	if m.Protocol != protocolModbus {
		ch.Address = "tcp://" + ch.Address
	}
	conn, err := d.Open(ctx, ch)
	if err != nil {
		return nil, fmt.Errorf("open loopback: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing was written
	say := speaker(lang)
	for _, g := range m.Golden {
		i := slices.IndexFunc(m.Points, func(p device.Point) bool { return p.Name == g.Point })
		slave.hold(m.Points[i].Register, g.Raw)
		points, at := m.Points, i
		if m.Protocol != protocolModbus {
			points, at = m.Points[i:i+1], 0 // a meter has one answer for each identifier
		}
		readings, err := conn.Read(ctx, points)
		if err != nil {
			return findings, fmt.Errorf("read %s on loopback: %w", g.Point, err)
		}
		if r := readings[at]; !matches(g, r) {
			findings = append(findings, fmt.Sprintf(say("%s: % x 得到 %s，应为 %s", "%s: % x gives %s, want %s"), g.Point, g.Raw, outcome(r.Value, r.Reason), outcome(g.Value, g.Reason)))
		}
	}
	if why := slave.refusal(); why != "" {
		findings = append(findings, why)
	}
	return findings, nil
}

// matches: a value is good and in the plausible range; of anything else the reason counts.
func matches(g config.Golden, r device.Reading) bool {
	if r.Reason != g.Reason {
		return false
	}
	return g.Reason != device.ReasonNone || math.Abs(r.Value-g.Value) < 1e-6*max(1, math.Abs(g.Value))
}

func outcome(v float64, why device.Reason) string {
	if why != device.ReasonNone {
		return why.String()
	}
	return number(v)
}
