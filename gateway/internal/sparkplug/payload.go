package sparkplug

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/linshao/linshao/drivers/device"
)

// Datatypes and field numbers of Sparkplug 3.0.0, §6.4 (its Google Protocol Buffers schema), as far as they are used here.
const (
	typeInt32   = 3
	typeInt64   = 4
	typeDouble  = 10
	typeBoolean = 11
	typeString  = 12

	payloadTimestamp protowire.Number = 1
	payloadMetrics   protowire.Number = 2
	payloadSeq       protowire.Number = 3

	metricName       protowire.Number = 1
	metricAlias      protowire.Number = 2
	metricTimestamp  protowire.Number = 3
	metricDatatype   protowire.Number = 4
	metricIsNull     protowire.Number = 7
	metricProperties protowire.Number = 9
	metricLong       protowire.Number = 11
	metricDouble     protowire.Number = 13
	metricBoolean    protowire.Number = 14

	setKeys   protowire.Number = 1
	setValues protowire.Number = 2

	propertyType   protowire.Number = 1
	propertyInt    protowire.Number = 3
	propertyString protowire.Number = 8
)

// Values of the property Quality (Sparkplug 3.0.0, §6.4.15): there is no word for "doubtful", and a doubtful value must not
// look good.
const (
	qualityBad  = 0
	qualityGood = 192
)

// payload is a message: when it is sent, its number, and its metrics as they are encoded.
func payload(atMs int64, seq int, metrics ...[]byte) []byte {
	b := number(nil, payloadTimestamp, uint64(atMs))
	for _, m := range metrics {
		b = protowire.AppendBytes(protowire.AppendTag(b, payloadMetrics, protowire.BytesType), m)
	}
	if seq >= 0 { // a death has none
		b = number(b, payloadSeq, uint64(seq))
	}
	return b
}

func number(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func whole(name string, atMs int64, v uint64) []byte {
	b := number(text(nil, metricName, name), metricTimestamp, uint64(atMs))
	return number(number(b, metricDatatype, typeInt64), metricLong, v)
}

func truth(name string, atMs int64, v bool) []byte {
	b := number(text(nil, metricName, name), metricTimestamp, uint64(atMs))
	return number(number(b, metricDatatype, typeBoolean), metricBoolean, protowire.EncodeBool(v))
}

// birth is a point with its name, for those that come later under its alias alone.
func birth(p device.Point, alias uint64, r device.Reading) []byte {
	b := number(text(nil, metricName, p.Name), metricAlias, alias)
	return value(number(b, metricTimestamp, uint64(r.Time.UnixMilli())), r, p.Unit)
}

// data is a reading of a point that was born under the alias.
func data(alias uint64, r device.Reading) []byte {
	return value(number(number(nil, metricAlias, alias), metricTimestamp, uint64(r.Time.UnixMilli())), r, "")
}

// value is what a reading says: its value or that there is none, and always how far it can be trusted.
func value(b []byte, r device.Reading, unit string) []byte {
	b = number(b, metricDatatype, typeDouble)
	null := r.Quality == device.Bad || math.IsNaN(r.Value) || math.IsInf(r.Value, 0)
	if null {
		b = number(b, metricIsNull, 1)
	}
	b = protowire.AppendBytes(protowire.AppendTag(b, metricProperties, protowire.BytesType), properties(r, unit))
	if !null {
		b = protowire.AppendFixed64(protowire.AppendTag(b, metricDouble, protowire.Fixed64Type), math.Float64bits(r.Value))
	}
	return b
}

// properties are two lists of the same length: names and values.
func properties(r device.Reading, unit string) []byte {
	quality := uint64(qualityBad)
	if r.Quality == device.Good {
		quality = qualityGood
	}
	keys := text(nil, setKeys, "Quality")
	values := property(nil, number(number(nil, propertyType, typeInt32), propertyInt, quality))
	for _, p := range [...][2]string{{"reason", r.Reason.String()}, {"engUnit", unit}} {
		if p[1] != "" {
			keys = text(keys, setKeys, p[0])
			values = property(values, text(number(nil, propertyType, typeString), propertyString, p[1]))
		}
	}
	return append(keys, values...)
}

func property(b, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, setValues, protowire.BytesType), v)
}

// wantsRebirth says whether a node command asks for all births again. What cannot be read asks for nothing.
func wantsRebirth(b []byte) bool {
	rebirth := false
	fields(b, func(field protowire.Number, _ protowire.Type, metric []byte) {
		if field != payloadMetrics {
			return
		}
		name, on := "", false
		fields(metric, func(field protowire.Number, kind protowire.Type, v []byte) {
			switch {
			case field == metricName && kind == protowire.BytesType:
				name = string(v)
			case field == metricBoolean && kind == protowire.VarintType:
				n, size := protowire.ConsumeVarint(v)
				on = size > 0 && n != 0
			}
		})
		rebirth = rebirth || name == rebirthName && on
	})
	return rebirth
}

// fields calls fn for each field until the end or the first that is damaged; of a text or message with its content.
func fields(b []byte, fn func(field protowire.Number, kind protowire.Type, v []byte)) {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(field, kind, b)
		if size < 0 {
			return
		}
		v := b[:size]
		if kind == protowire.BytesType {
			v, _ = protowire.ConsumeBytes(v)
		}
		fn(field, kind, v)
		b = b[size:]
	}
}
