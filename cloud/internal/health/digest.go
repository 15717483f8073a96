package health

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/packed"
	"github.com/linshao/linshao/drivers/device"
)

// A sensor is what is kept of one device. Nothing of it depends on the moment at which it is asked for. Times are Unix ms.
type sensor struct {
	id, kind, zone string
	limitMs        int64         // how old its newest reading may be; 0: it has no points, nothing is expected
	answers        int64         // as its gateway told last: answersNo, answersYes, or notTold
	reason         device.Reason // why it does not answer
	sinceMs        int64         // since when it answers or not; 0: not told
	heardMs        int64         // newest reading that is not bad; 0: none
	score          int64         // that its gateway gave it; noScore: none
	scoreMs        int64         // time of the score
	turnMs         int64         // since when the score fails or, after it failed, no longer does; 0: it never failed
	offlinePM      int64         // per mille of the last 24 h in which the street did not see it answer
	brokenMs       int64         // since when it is broken down; 0: it is not
	due            int64         // day until which it must be calibrated, since 1970; 0: none is known
}

const (
	notTold    = 0
	answersNo  = 1
	answersYes = 2
	noScore    = -1
)

// digestVersion is the first byte of a digest. One of another version is made anew.
const digestVersion = 1

var errDigest = errors.New("health digest is damaged")

// encode writes the sensors of one gateway. Kinds and zones repeat, so each word is written once.
func encode(sensors []sensor) []byte {
	var words packed.Words
	var body []byte
	for i := range sensors {
		s := &sensors[i]
		body = packed.AppendText(body, s.id)
		body = binary.AppendUvarint(body, words.Number(s.kind))
		body = binary.AppendUvarint(body, words.Number(s.zone))
		for _, n := range s.numbers() {
			body = binary.AppendVarint(body, *n)
		}
		body = append(body, byte(s.reason))
	}
	out := words.Append([]byte{digestVersion})
	out = binary.AppendUvarint(out, uint64(len(sensors)))
	return append(out, body...)
}

// numbers are the fields that are written as such, in this order.
func (s *sensor) numbers() [10]*int64 {
	return [...]*int64{&s.limitMs, &s.answers, &s.sinceMs, &s.heardMs, &s.score, &s.scoreMs, &s.turnMs, &s.offlinePM, &s.brokenMs, &s.due}
}

// decode is the inverse of encode. Damage is an error, never a wrong sensor.
func decode(b []byte) ([]sensor, error) {
	r := packed.NewReader(b)
	if v := r.Byte(); v != digestVersion {
		return nil, fmt.Errorf("%w: version %d", errDigest, v)
	}
	words := r.Words()
	n := r.Uint()
	out := make([]sensor, 0, min(n, uint64(r.Left())/12+1)) // what is claimed is not made room for before it is there
	for ; n > 0 && !r.Bad(); n-- {
		s := sensor{id: r.Text(), kind: r.Word(words), zone: r.Word(words)}
		for _, p := range s.numbers() {
			*p = r.Int()
		}
		s.reason = device.Reason(r.Byte())
		out = append(out, s)
	}
	if !r.Whole() {
		return nil, errDigest
	}
	return out, nil
}
