package report

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/packed"
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
	var words packed.Words
	body := binary.AppendUvarint(nil, uint64(len(facts)))
	for i := range facts {
		for _, w := range facts[i].words() {
			body = binary.AppendUvarint(body, words.Number(*w))
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
	return append(words.Append([]byte{blockVersion}), body...)
}

// decode appends the facts of a block to those given. Damage is an error, never a wrong fact.
func decode(facts []fact, b []byte) ([]fact, error) {
	if len(b) == 0 || b[0] != blockVersion {
		return facts, fmt.Errorf("%w: version", errBlock)
	}
	r := packed.NewReader(b[1:])
	words := r.Words()
	for n := r.Uint(); n > 0 && !r.Bad(); n-- {
		facts = append(facts, fact{})
		f := &facts[len(facts)-1]
		for _, w := range f.words() {
			*w = r.Word(words)
		}
		for j, t := range f.times() {
			*t = r.Int()
			if j >= 1 && j <= 3 && *t != 0 {
				if *t > 0 {
					*t--
				}
				*t += f.opened
			}
		}
	}
	if !r.Whole() {
		return facts, errBlock
	}
	return facts, nil
}
