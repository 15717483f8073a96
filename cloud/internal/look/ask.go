package look

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// What a look is about, in SQL.
const (
	aboutCamera = "camera"
	aboutFrames = "frames"
	aboutTrial  = "trial"
	aboutDoctor = "doctor"
)

// askMost is how many questions one person, and one gateway, has in an hour.
const askMost = 60

// WholeGateway is the device of a question about the gateway itself.
const WholeGateway = "gateway"

// errAnswered ends a look that has brought the one answer that was wanted.
var errAnswered = errors.New("answered")

// aboutOf names a question; that of none is a camera's pictures.
func aboutOf(a *wire.Ask) string {
	switch a.GetAbout().(type) {
	case *wire.Ask_Frames:
		return aboutFrames
	case *wire.Ask_Trial:
		return aboutTrial
	case *wire.Ask_Doctor:
		return aboutDoctor
	}
	return aboutCamera
}

// Ask asks a gateway something and waits for its answer, for a minute at most. One gateway is asked one thing at a time, whoever
// asks. Who asks what is in the audit, also when it is refused. The error is a *Refusal, or org.ErrUnknown.
func (s *Service) Ask(ctx context.Context, w Wish, may func(context.Context) error) (*wire.Answer, error) {
	l, err := s.Begin(ctx, w)
	if err != nil {
		return nil, err
	}
	var data []byte
	why, err := s.Watch(ctx, Viewer{Gateway: w.Gateway, Device: w.Device, Look: l.ID, Who: w.Who, Ask: w.Ask, May: may}, func(_ context.Context, b []byte) error {
		data = b
		return errAnswered
	})
	if err != nil {
		return nil, err
	}
	if why != "answered" {
		return nil, unanswered(why)
	}
	answer := &wire.Answer{}
	if err := proto.Unmarshal(data, answer); err != nil || len(data) > wire.MaxAnswer {
		s.cfg.Log.Error("answer of a gateway cannot be read", "gateway", w.Gateway, "err", err, "bytes", len(data))
		return nil, unanswered("failed")
	}
	if no := answer.GetRefused(); no != nil {
		return nil, refused("refused", no.GetZh(), no.GetEn())
	}
	return answer, nil
}

// unanswered says in people's words why there is no answer.
func unanswered(why string) *Refusal {
	switch why {
	case "unknown", "unknown_camera":
		return refused("old", "这台网关的程序太旧，还不会回答；请先升级网关", "this gateway's program is too old to answer this: update the gateway first")
	case "busy":
		return asked()
	case "soon":
		return refused("soon", "刚连上网关，请几秒后再试", "the gateway has only just connected: try again in some seconds")
	case "withdrawn":
		return refused("withdrawn", "权限已收回", "the right was withdrawn")
	case "left":
		return refused("left", "没有等到回答就离开了", "nobody waited for the answer")
	}
	return refused("no_answer", "网关没有回答：连接可能不好，请稍后再试", "the gateway did not answer: its connection may be bad, try again later")
}

func asked() *Refusal {
	return refused("busy", "这台网关正在回答另一个人，请稍候再试", "the gateway is answering somebody else: try again in a moment")
}

// askLimits says of questions what judge says of looks at cameras: tries of the person and at the gateway in an hour, and whether the
// gateway is being asked.
func askLimits(d org.Device, tries, at, theirs int) *Refusal {
	switch {
	case d.Kind == kindCamera:
		return refused("no_line", "摄像头没有总线报文，也不能试读", "a camera has no frames and is not read on trial")
	case tries >= askMost || at >= askMost:
		return refused("rate", fmt.Sprintf("一小时内最多 %d 次，请稍后再试", askMost), fmt.Sprintf("at most %d times an hour: try again later", askMost))
	case theirs >= 1000:
		return asked()
	}
	return nil
}

// asking is what the audit says of a question.
func asking(w Wish, d org.Device) (act string, said rules.Text) {
	name := d.Name
	if name == "" {
		name = d.ID
	}
	switch aboutOf(w.Ask) {
	case aboutFrames:
		return "gateway.frames", rules.Text{ZH: "取 " + name + " 的最近报文", EN: "Takes the last frames of " + name}
	case aboutTrial:
		return "gateway.trial", rules.Text{ZH: "试读 " + name, EN: "Reads " + name + " on trial"}
	}
	return "gateway.doctor", rules.Text{ZH: "取网关 " + w.Gateway + " 的诊断", EN: "Takes the diagnosis of gateway " + w.Gateway}
}
