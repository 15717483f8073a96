package commission

import (
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
)

// Explain is explain for tests: its code.
func Explain(p device.Point, raw []byte, value, shown float64) string {
	return explain(p, register{raw: raw, reading: device.Reading{Value: value}}, shown).code
}

// ModbusRead is the question of a scan.
func ModbusRead(unit byte) []byte { return modbusRead(unit, first()) }

// JudgeAll lets every judge look at bytes, for fuzzing, and answers what they make of them.
func JudgeAll(unit byte, got []byte) (sorts [4]uint8, numbers [2]string) {
	a, b := judgeMeters(got, dlt645Frame), judgeMeters(got, cjt188Frame)
	o, _ := judgeOSDP(unit, got)
	return [4]uint8{uint8(judgeModbus(unit, got).sort), uint8(o.sort), uint8(a.sort), uint8(b.sort)}, [2]string{a.address, b.address}
}

// ClientOf is a client of whoever serves the socket of a data folder.
func ClientOf(data string) *Client { return &Client{data, control.Dial(data)} }

// OnPort is a line on a port that a test has opened.
func OnPort(port *line.Port) Line { return onPort(port) }

// OnConn is a line on a connection to a Modbus TCP server.
func OnConn(conn device.Conn) Line { return connection{conn} }

// CandidatesOf is candidates for tests: of models with so many bits each.
func CandidatesOf(bits []float64) []Candidate {
	fits := make([]weighed, len(bits))
	for i, b := range bits {
		fits[i] = weighed{model: &config.Model{}, bits: b}
	}
	return candidates(fits)
}
