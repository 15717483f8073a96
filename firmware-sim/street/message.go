package street

import (
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A message is a protobuf message under construction: cloud/wire/wire.proto, written by hand so that the simulator shares
// none of the product's code. Zero values are left out, as proto3 has it.
type message []byte

func (m *message) uint(field protowire.Number, v uint64) {
	if v != 0 {
		*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), v)
	}
}

func (m *message) flag(field protowire.Number, v bool) {
	if v {
		m.uint(field, 1)
	}
}

// sint writes a sint64.
func (m *message) sint(field protowire.Number, v int64) { m.uint(field, protowire.EncodeZigZag(v)) }

func (m *message) fixed64(field protowire.Number, v uint64) {
	*m = protowire.AppendFixed64(protowire.AppendTag(*m, field, protowire.Fixed64Type), v)
}

func (m *message) fixed32(field protowire.Number, v uint32) {
	*m = protowire.AppendFixed32(protowire.AppendTag(*m, field, protowire.Fixed32Type), v)
}

func (m *message) double(field protowire.Number, v float64) { m.fixed64(field, math.Float64bits(v)) }

func (m *message) bytes(field protowire.Number, v []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), v)
}

func (m *message) string(field protowire.Number, v string) {
	if v != "" {
		m.bytes(field, []byte(v))
	}
}

// inner writes a message within the message.
func (m *message) inner(field protowire.Number, fill func(*message)) {
	var in message
	fill(&in)
	m.bytes(field, in)
}

// words writes a Text.
func (m *message) words(field protowire.Number, w words) {
	m.inner(field, func(t *message) {
		t.string(1, w.zh)
		t.string(2, w.en)
	})
}

// words is a sentence in the two languages of the product.
type words struct{ zh, en string }

// record types and streams of the contract.
const (
	streamEvents    = 1
	streamTelemetry = 2
	typeEvent       = 1
	typeReadings    = 2
)

// A record is one record of a stream.
type record struct {
	kind    uint64
	wallMs  int64
	late    bool // recorded before this session began
	payload []byte
}

func (r record) append(m *message, startMs int64) {
	m.inner(5, func(in *message) {
		in.uint(1, r.kind)
		in.uint(2, 1)
		in.uint(3, 2) // the clock is synchronised
		in.sint(4, r.wallMs)
		in.uint(5, uint64(max(0, r.wallMs-startMs)))
		in.bytes(6, r.payload)
		in.fixed32(7, crc32.Checksum(r.payload, crc32.MakeTable(crc32.Castagnoli)))
	})
}

// topic of a gateway's leaf: ls/1/<shard>/<gateway>/<leaf>.
func topic(gateway, leaf string) string {
	h := fnv.New32a()
	h.Write([]byte(gateway))
	return fmt.Sprintf("ls/1/%02x/%s/%s", h.Sum32()&0xff, gateway, leaf)
}

// An ack is what of an acknowledgement matters here.
type ack struct {
	session uint64
	stream  uint64
	epoch   uint64
	cum     uint64
	credit  uint64
	wait    uint64 // ms
}

// parseAck reads an Ack; ok is false when it is none.
func parseAck(b []byte) (a ack, ok bool) {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return a, false
		}
		b = b[n:]
		var v uint64
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v, n = protowire.ConsumeFixed64(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return a, false
		}
		b = b[n:]
		switch field {
		case 1:
			a.session = v
		case 2:
			a.stream = v
		case 3:
			a.epoch = v
		case 4:
			a.cum = v
		case 5:
			a.credit = v
		case 6:
			a.wait = v
		}
	}
	return a, a.session != 0 && a.stream != 0
}
