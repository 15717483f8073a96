package look_test

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/look"
	"github.com/linshao/linshao/cloud/wire"
)

func frames() *wire.Ask { return &wire.Ask{About: &wire.Ask_Frames{Frames: &wire.AskFrames{}}} }

// asked is what came of a question: the answer, or the code of the refusal.
type asked struct {
	answer *wire.Answer
	code   string
}

func (s *street) ask(p *look.Service, gateway, device, who string) <-chan asked {
	done := make(chan asked, 1)
	go func() {
		answer, err := p.Ask(s.by(who), look.Wish{Gateway: gateway, Device: device, Who: who, Ask: frames()}, may)
		r, ok := errors.AsType[*look.Refusal](err)
		switch {
		case ok && r.Text.ZH != "" && r.Text.EN != "":
			done <- asked{code: r.Code}
		case err != nil:
			done <- asked{code: err.Error()}
		default:
			done <- asked{answer: answer}
		}
	}()
	return done
}

// TestAGatewayIsAsked by a process that does not have it: the answer comes in pieces, once; meanwhile nobody else asks it, and a camera
// of it can be opened. The audit has who asked what.
func TestAGatewayIsAsked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		s := open(t, place)
		owner, shower := s.process(true, "gw-1"), s.process(true)
		first := s.ask(shower, "gw-1", "socket-3", "陈敏")
		told := s.sharing(owner)
		if told.GetAsk().GetFrames() == nil || told.GetDevice() != "socket-3" || told.GetUntilMs() != mono+59_000 {
			t.Errorf("the gateway is told %v", told)
		}
		if got := <-s.ask(owner, "gw-1", "socket-3", "李伟"); got.code != "busy" {
			t.Errorf("two at once: %+v", got)
		}
		if _, code := s.begin(owner, "gw-1", "cam-1", "陈敏"); code != "" {
			t.Errorf("a question keeps a camera shut: %s", code)
		}
		want := &wire.Answer{AtMs: 5, Frames: []*wire.Frame{{Out: make([]byte, 100), In: make([]byte, 200)}}}
		data, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for n, piece := range [][]byte{data[:90], data[90:]} {
			shower.Take("gw-1", &wire.Glimpse{Session: 1, Look: told.GetId(), Number: uint32(n) + 1, Data: piece, Begins: true, Last: n == 1})
		}
		if got := <-first; !proto.Equal(got.answer, want) {
			t.Errorf("%+v", got)
		}
		for l := range s.told {
			if l.GetId() == told.GetId() && l.GetOver() {
				break
			}
		}
		for _, x := range []struct{ gateway, device, code string }{{"gw-3", "socket-3", "offline"}, {"gw-1", "cam-1", "no_line"}} {
			if got := <-s.ask(owner, x.gateway, x.device, "陈敏"); got.code != x.code {
				t.Errorf("%+v: %+v", x, got)
			}
		}
		if got := fmt.Sprint(s.actsLike("gateway.%")); got != "[gateway.frames 陈敏 gateway.refused 李伟 busy gateway.refused 陈敏 offline gateway.refused 陈敏 no_line]" {
			t.Error(got)
		}
	})
}

// TestWhatAGatewayDoesNotAnswer is said in words: its program is too old, it will not, or what it says is no answer.
func TestWhatAGatewayDoesNotAnswer(t *testing.T) {
	s := open(t, dbtest.SQLite(t))
	p := s.process(false, "gw-1")
	no, err := proto.Marshal(&wire.Answer{Refused: &wire.Text{Zh: "总线正在扫描", En: "the line is being scanned"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		says *wire.Glimpse
		code string
	}{
		{&wire.Glimpse{Over: true, Why: "unknown_camera"}, "old"}, {&wire.Glimpse{Over: true, Why: "unknown"}, "old"}, {&wire.Glimpse{Over: true, Why: "busy"}, "busy"},
		{&wire.Glimpse{Over: true, Why: "failed"}, "no_answer"}, {&wire.Glimpse{Data: no, Begins: true, Last: true}, "refused"}, {&wire.Glimpse{Data: []byte("\xff"), Begins: true, Last: true}, "no_answer"},
	} {
		done := s.ask(p, "gw-1", "socket-3", "陈敏")
		l := <-s.told
		for l.GetOver() {
			l = <-s.told
		}
		x.says.Session, x.says.Look, x.says.Number = 1, l.GetId(), 1
		p.Take("gw-1", x.says)
		if got := <-done; got.code != x.code {
			t.Errorf("%v: %+v", x.says, got)
		}
	}
}

// TestNobodyAsksAllDay: so many questions an hour of one person, and at one gateway; looks at cameras are not among them.
func TestNobodyAsksAllDay(t *testing.T) {
	s := open(t, dbtest.SQLite(t))
	p := s.process(false)
	codes := map[string]int{}
	for range 62 {
		_, err := p.Begin(s.by("陈敏"), look.Wish{Gateway: "gw-3", Device: "socket-3", Who: "陈敏", Ask: frames()})
		if r, ok := errors.AsType[*look.Refusal](err); ok {
			codes[r.Code]++
		}
	}
	if codes["offline"] != 60 || codes["rate"] != 2 {
		t.Error(codes)
	}
	if _, code := s.begin(p, "gw-1", "cam-1", "陈敏"); code != "" {
		t.Error("no camera for who has asked much:", code)
	}
}
