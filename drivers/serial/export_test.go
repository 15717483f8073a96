package serial

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// AppendRead shows the request of a read to tests.
func AppendRead(address string, di uint32) ([]byte, error) {
	t, err := dlt645{}.parse(device.Point{Address: address, Register: device.Register{Type: "XX"}})
	return dlt645{}.appendRead(nil, t.address, di, 0), err
}

// Decode shows what a reply to a DL/T 645 read of one point means.
func Decode(p device.Point, got []byte, over bool) (value float64, done bool, err error) {
	return decode(dlt645{}, p, got, over)
}

// DecodeCJT188 does the same for CJ/T 188.
func DecodeCJT188(p device.Point, got []byte, over bool) (value float64, done bool, err error) {
	return decode(cjt188{}, p, got, over)
}

// AppendCJT188 shows the request of a CJ/T 188 read to tests.
func AppendCJT188(p device.Point) ([]byte, error) {
	t, err := cjt188{}.parse(p)
	return cjt188{}.appendRead(nil, t.address, p.Register.Addr, 0), err
}

func decode(d dialect, p device.Point, got []byte, over bool) (value float64, done bool, err error) {
	t, err := d.parse(p)
	if err != nil {
		return 0, false, err
	}
	q := question{dialect: d, to: t.address, di: p.Register.Addr}
	data, err := q.Scan(got, over)
	if data == nil || err != nil {
		return 0, false, err
	}
	if q.refused != nil {
		return 0, true, q.refused
	}
	value, err = t.format.decode(data)
	return value, true, err
}

// Obeyed says whether what came in confirms a command to a DL/T 645 meter.
func Obeyed(address string, got []byte) bool {
	t, err := dlt645{}.parse(device.Point{Address: address, Register: device.Register{Type: "XX"}})
	o := &order{dialect: dlt645{}, to: t.address}
	answer, fault := o.Scan(got, true)
	return err == nil && answer != nil && fault == nil && o.refused == nil
}

// Command shows the order to a DL/T 645 meter's relay.
func Command(p device.Point, v float64, now time.Time) ([]byte, error) {
	t, err := dlt645{}.parse(p)
	if err != nil {
		return nil, err
	}
	return dlt645{}.command(p, t, v, now)
}
