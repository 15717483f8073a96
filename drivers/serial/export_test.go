package serial

import "github.com/linshao/linshao/drivers/device"

// AppendRead shows the request of a read to tests.
func AppendRead(address string, di uint32) ([]byte, error) {
	a, err := parseAddress(address)
	return appendRead(nil, a, di, 0), err
}

// Decode shows what a reply to a read of one point means.
func Decode(p device.Point, got []byte, over bool) (value float64, done bool, err error) {
	t := parsePoint(p)
	if t.err != nil {
		return 0, false, t.err
	}
	q := question{to: t.address, di: p.Register.Addr}
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
