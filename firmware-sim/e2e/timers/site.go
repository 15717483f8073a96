package timers

import (
	"fmt"
	"strings"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

const profile = `model: socket
title: {zh: 插座, en: Socket}
kind: socket
protocol: modbus
source: firmware-sim/e2e/timers
poll: 300ms
points:
  - {name: power, unit: W, at: holding 0, type: u16, min: 0, max: 5000}
  - name: relay
    at: holding 1
    type: u16
    labels: {0: {zh: 断开, en: open}, 1: {zh: 接通, en: closed}}
    write: [0]
`

// watch minds a surplus within a long charge; guard ends a charge that has lasted, as the overcharge rules do.
const ruleFile = `rules:
  - id: WATCH
    title: {zh: 功率过大, en: Too much power}
    kind: socket
    params: {most: 300 W}
    expr: session.active and power > most
    for: 4s
    severity: B
    mode: notify-only
    message: {zh: "{place} {power}", en: "{place} {power}"}
  - id: GUARD
    title: {zh: 充电超时, en: Charging too long}
    kind: socket
    params: {most: 12s, low: 100 W, high: 300 W}
    expr: session.active and session.duration > most and power > low and power < high
    for: 4s
    severity: B
    mode: armed
    message: {zh: "{place} {session.duration} {actions}", en: "{place} {session.duration} {actions}"}
    actions:
      - {of: self, kind: socket, point: relay, value: 0, do: {zh: 断电, en: switch off}}
`

func (b *bench) writeSite() error {
	port, err := freeport.Find()
	if err != nil {
		return err
	}
	var site strings.Builder
	fmt.Fprintf(&site, `site: {id: proof, name: 证明, timezone: Asia/Shanghai}
gateway: gw-proof
data: data
profiles: profiles
rules: rules
status: {listen: "127.0.0.1:%d"}
outbox: {events_quota: 128MiB}
channels:
  - id: lan
    driver: modbus-tcp
    address: %q
    timeout: 2s
    devices:
`, port, b.server.Addr())
	for i, s := range b.sockets {
		fmt.Fprintf(&site, "      - {id: %s, name: %s, profile: socket, address: \"%d\", place: x, poll: 300ms}\n", s.id, s.id, i+1)
	}
	for name, text := range map[string]string{"gateway.yaml": site.String(), "profiles/socket.yaml": profile, "rules/proof.yaml": ruleFile} {
		if err := process.Write(b.o.Dir, name, text); err != nil {
			return err
		}
	}
	return nil
}
