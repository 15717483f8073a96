package health

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

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
	words, list := map[string]uint64{}, []string{}
	word := func(s string) uint64 {
		n, ok := words[s]
		if !ok {
			n = uint64(len(list))
			words[s] = n
			list = append(list, s)
		}
		return n
	}
	var body []byte
	for i := range sensors {
		s := &sensors[i]
		body = binary.AppendUvarint(body, uint64(len(s.id)))
		body = append(body, s.id...)
		body = binary.AppendUvarint(body, word(s.kind))
		body = binary.AppendUvarint(body, word(s.zone))
		for _, n := range s.numbers() {
			body = binary.AppendVarint(body, *n)
		}
		body = append(body, byte(s.reason))
	}
	out := binary.AppendUvarint([]byte{digestVersion}, uint64(len(list)))
	for _, w := range list {
		out = binary.AppendUvarint(out, uint64(len(w)))
		out = append(out, w...)
	}
	out = binary.AppendUvarint(out, uint64(len(sensors)))
	return append(out, body...)
}

// numbers are the fields that are written as such, in this order.
func (s *sensor) numbers() [10]*int64 {
	return [...]*int64{&s.limitMs, &s.answers, &s.sinceMs, &s.heardMs, &s.score, &s.scoreMs, &s.turnMs, &s.offlinePM, &s.brokenMs, &s.due}
}

// decode is the inverse of encode. Damage is an error, never a wrong sensor.
func decode(b []byte) ([]sensor, error) {
	r := reader{b: b, all: string(b)} // all ids are parts of one string
	if v := r.byte(); v != digestVersion {
		return nil, fmt.Errorf("%w: version %d", errDigest, v)
	}
	words := make([]string, 0, 8)
	for n := r.uint(); n > 0 && !r.bad; n-- {
		words = append(words, r.text())
	}
	n := r.uint()
	out := make([]sensor, 0, min(n, uint64(len(r.b))/12+1)) // what is claimed is not made room for before it is there
	for ; n > 0 && !r.bad; n-- {
		s := sensor{id: r.text()}
		kind, zone := r.uint(), r.uint()
		if kind >= uint64(len(words)) || zone >= uint64(len(words)) {
			return nil, errDigest
		}
		s.kind, s.zone = words[kind], words[zone]
		for _, p := range s.numbers() {
			*p = r.int()
		}
		s.reason = device.Reason(r.byte())
		out = append(out, s)
	}
	if r.bad || len(r.b) > 0 {
		return nil, errDigest
	}
	return out, nil
}

// reader takes a digest apart; after the first mistake it answers zeros.
type reader struct {
	b   []byte // what is left
	all string
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string {
	n := r.uint()
	if n > uint64(len(r.b)) || n > math.MaxInt32 {
		r.bad, r.b = true, nil
		return ""
	}
	at := len(r.all) - len(r.b)
	s := r.all[at : at+int(n)]
	r.b = r.b[n:]
	return s
}
