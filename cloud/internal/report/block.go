package report

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Steps whose time is told, in their order; finished is the moment at which the handling was said to be done.
const (
	stepVerified = iota
	stepAccepted
	stepDispatched
	stepBegun
	stepFinished
	stepChecked
	stepClosed
	stepRated
	steps
)

// none is a time that there is not.
const none = -1

// A fact is what figures need of one incident. Times are Unix ms, durations ms.
type fact struct {
	id, gateway, device, rule, severity, category, source, outcome string
	people                                                         [3]string // who did something with it, at most the first three

	opened    int64 // cloud's time
	since     int64 // of the condition, gateway's time
	recovered int64 // 0: it has not
	closed    int64 // 0: it is not
	response  int64 // until somebody did something; none: nobody has
	took      [steps]int64
	late      int64 // deeds that came after their limit
	reworked  int64
	rating    int64 // 1 to 5; 0: none
	whistle   int64
	burst     int64 // most alerts of a rule and device within a minute
}

const (
	factWords = 8 + 3
	factTimes = 10 + steps
)

func (f *fact) words() [factWords]*string {
	return [...]*string{&f.id, &f.gateway, &f.device, &f.rule, &f.severity, &f.category, &f.source, &f.outcome, &f.people[0], &f.people[1], &f.people[2]}
}

func (f *fact) times() [factTimes]*int64 {
	return [...]*int64{&f.opened, &f.since, &f.recovered, &f.closed, &f.response, &f.late, &f.reworked, &f.rating, &f.whistle, &f.burst,
		&f.took[0], &f.took[1], &f.took[2], &f.took[3], &f.took[4], &f.took[5], &f.took[6], &f.took[7]}
}

// blockVersion is the first byte of a block.
const blockVersion = 1

var errBlock = errors.New("block of report is damaged")

// encode writes facts. Words that repeat are written once.
func encode(facts []fact) []byte {
	index, list := map[string]uint64{}, []string{}
	body := binary.AppendUvarint(nil, uint64(len(facts)))
	for i := range facts {
		for _, w := range facts[i].words() {
			n, ok := index[*w]
			if !ok {
				n = uint64(len(list))
				index[*w] = n
				list = append(list, *w)
			}
			body = binary.AppendUvarint(body, n)
		}
		for j, t := range facts[i].times() {
			v := *t
			if j >= 1 && j <= 3 && v != 0 { // times lie near the first one
				v -= facts[i].opened
				if v >= 0 {
					v++ // 0 is none
				}
			}
			body = binary.AppendVarint(body, v)
		}
	}
	out := binary.AppendUvarint([]byte{blockVersion}, uint64(len(list)))
	for _, w := range list {
		out = binary.AppendUvarint(out, uint64(len(w)))
		out = append(out, w...)
	}
	return append(out, body...)
}

// decode appends the facts of a block to those given. Damage is an error, never a wrong fact.
func decode(facts []fact, b []byte) ([]fact, error) {
	if len(b) == 0 || b[0] != blockVersion {
		return facts, fmt.Errorf("%w: version", errBlock)
	}
	r := reader{b: b[1:], all: string(b[1:])}
	words := make([]string, 0, min(1024, len(b)/2))
	for n := r.uint(); n > 0 && !r.bad; n-- {
		words = append(words, r.text())
	}
	for n := r.uint(); n > 0 && !r.bad; n-- {
		facts = append(facts, fact{})
		f := &facts[len(facts)-1]
		for _, w := range f.words() {
			i := r.uint()
			if i >= uint64(len(words)) {
				return facts, errBlock
			}
			*w = words[i]
		}
		for j, t := range f.times() {
			*t = r.int()
			if j >= 1 && j <= 3 && *t != 0 {
				if *t > 0 {
					*t--
				}
				*t += f.opened
			}
		}
	}
	if r.bad || len(r.b) > 0 {
		return facts, errBlock
	}
	return facts, nil
}

// reader takes a block apart; after the first mistake it answers zeros.
type reader struct {
	b   []byte // what is left
	all string
	bad bool
}

func (r *reader) uint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // nearly all
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
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
	r.b = r.b[n:]
	return r.all[at : at+int(n)]
}
