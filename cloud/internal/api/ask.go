package api

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/look"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// askTime bounds a question to a gateway: a little more than the gateway may take.
const askTime = wire.LookTime + 10*time.Second

// asked are the operations that ask a gateway something now. All wait for its answer.
func (a *API) asked(h huma.API) {
	register(a, h, access{auth.Install, ofGateway}, post, "/gateways/{gateway}/devices/{device}/frames", "The last raw frames between a gateway and a device", a.frames)
	register(a, h, access{auth.Install, ofGateway}, post, "/gateways/{gateway}/devices/{device}/trial", "Read a device once, on the spot, and compare it with its display", a.trial)
	register(a, h, access{auth.Install, ofGateway}, post, "/gateways/{gateway}/diagnosis", "What a gateway's own doctor finds, and its support bundle; no secret leaves the gateway", a.diagnosis)
}

type askedDevice struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Device  string `path:"device" maxLength:"80"`
}

// RawFrame is one request to a device and what came of it.
type RawFrame struct {
	At      int64   `json:"at"`
	Out     string  `json:"out" doc:"hex"`
	In      string  `json:"in" doc:"hex; all that came, right or wrong"`
	TookMs  float64 `json:"tookMs"`
	Reason  string  `json:"reason,omitempty" doc:"what went wrong; absent: a right answer, or a refusal"`
	Refusal uint32  `json:"refusal,omitempty" doc:"the code with which the device refused"`
	Cut     bool    `json:"cut,omitempty" doc:"it was longer than is kept"`
}

type framesOut struct {
	Body struct {
		At     int64      `json:"at"`
		Frames []RawFrame `json:"frames" doc:"oldest first"`
	}
}

// frames asks for the last raw frames of a device.
func (a *API) frames(ctx context.Context, in *askedDevice) (*framesOut, error) {
	answer, err := a.askGateway(ctx, in.Gateway, in.Device, &wire.Ask{About: &wire.Ask_Frames{Frames: &wire.AskFrames{}}})
	if err != nil {
		return nil, err
	}
	out := &framesOut{}
	out.Body.At, out.Body.Frames = answer.GetAtMs(), []RawFrame{}
	for _, f := range answer.GetFrames() {
		out.Body.Frames = append(out.Body.Frames, RawFrame{At: f.GetAtMs(), Out: spaced(f.GetOut()), In: spaced(f.GetIn()), TookMs: float64(f.GetTookUs()) / 1000,
			Reason: device.Reason(f.GetReason()).String(), Refusal: f.GetRefusal(), Cut: f.GetCut()})
	}
	return out, nil
}

// spaced writes bytes as people read them: "01 03 00".
func spaced(b []byte) string {
	text := strings.ToUpper(hex.EncodeToString(b))
	var s strings.Builder
	for i := 0; i < len(text); i += 2 {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(text[i : i+2])
	}
	return s.String()
}

// said is what a gateway says to people.
func said(t *wire.Text) incident.Text { return incident.Text{ZH: t.GetZh(), EN: t.GetEn()} }

type trialIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Device  string `path:"device" maxLength:"80"`
	Body    struct {
		Shown map[string]float64 `json:"shown,omitempty" maxProperties:"100" doc:"what the device's own display shows, by point"`
	}
}

// TrialValue is a point that was read on the spot.
type TrialValue struct {
	Point    string         `json:"point"`
	Unit     string         `json:"unit,omitempty"`
	Value    *float64       `json:"value" doc:"null: none"`
	Label    string         `json:"label,omitempty" doc:"of a state"`
	Quality  string         `json:"quality"`
	Reason   string         `json:"reason,omitempty"`
	Raw      string         `json:"raw,omitempty" doc:"the bytes of the value, hex"`
	Register string         `json:"register,omitempty" doc:"from 0"`
	Human    string         `json:"human,omitempty" doc:"the same from 1, as on data sheets"`
	Type     string         `json:"type,omitempty" doc:"how the value is made of the bytes"`
	TookMs   float64        `json:"tookMs"`
	Shows    string         `json:"shows,omitempty" doc:"match; or how the display's number can be had: scale, swap, type, bytes, ct, sign; or mismatch"`
	Why      *incident.Text `json:"why,omitempty" doc:"the same for people"`
}

type trialOut struct {
	Body struct {
		At      int64           `json:"at"`
		Model   string          `json:"model"`
		Channel string          `json:"channel"`
		Address string          `json:"address"`
		Points  []TrialValue    `json:"points"`
		Hints   []incident.Text `json:"hints" doc:"what damaged answers mean"`
	}
}

// trial reads a device once.
func (a *API) trial(ctx context.Context, in *trialIn) (*trialOut, error) {
	ask := &wire.AskTrial{}
	for point, value := range in.Body.Shown {
		ask.Shown = append(ask.Shown, &wire.Shown{Point: point, Value: value})
	}
	answer, err := a.askGateway(ctx, in.Gateway, in.Device, &wire.Ask{About: &wire.Ask_Trial{Trial: ask}})
	if err != nil {
		return nil, err
	}
	t := answer.GetTrial()
	out := &trialOut{}
	out.Body.At, out.Body.Model, out.Body.Channel, out.Body.Address = answer.GetAtMs(), t.GetModel(), t.GetChannel(), t.GetAddress()
	out.Body.Points, out.Body.Hints = []TrialValue{}, []incident.Text{}
	for _, p := range t.GetPoints() {
		v := TrialValue{Point: p.GetPoint(), Unit: p.GetUnit(), Value: p.Value, Label: p.GetLabel(), Quality: device.Quality(p.GetQuality()).String(), Reason: device.Reason(p.GetReason()).String(), Raw: p.GetRaw(),
			Register: p.GetRegister(), Human: p.GetHuman(), Type: p.GetType(), TookMs: float64(p.GetTookUs()) / 1000, Shows: p.GetShows()}
		if p.GetWhy() != nil {
			why := said(p.GetWhy())
			v.Why = &why
		}
		out.Body.Points = append(out.Body.Points, v)
	}
	for _, h := range t.GetHints() {
		out.Body.Hints = append(out.Body.Hints, said(h))
	}
	return out, nil
}

// askGateway asks a gateway and waits, as long as the caller may and the server runs.
func (a *API) askGateway(ctx context.Context, gateway, device string, ask *wire.Ask) (*wire.Answer, error) {
	ctx, cancel := a.serving(ctx)
	defer cancel()
	ctx, late := context.WithTimeout(ctx, askTime)
	defer late()
	c := callerOf(ctx)
	params := map[string]string{"gateway": gateway}
	may := func(ctx context.Context) error {
		now := c
		if c.token != "" { // as the session is by now
			var err error
			if now.user, err = a.cfg.Auth.User(ctx, c.token); err != nil {
				return err
			}
		}
		return a.check(context.WithValue(ctx, callerKey{}, now), access{auth.Install, ofGateway}, func(name string) string { return params[name] })
	}
	answer, err := a.cfg.Looks.Ask(ctx, look.Wish{Gateway: gateway, Device: device, Who: c.user.Name, Ask: ask}, may)
	return answer, lookProblem(err)
}

type diagnosisIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Body    struct {
		Lines  bool `json:"lines,omitempty" doc:"read every line, too: each pauses its polling meanwhile"`
		Bundle bool `json:"bundle,omitempty" doc:"the support bundle with it"`
	}
}

// DoctorFinding is what one look of a gateway's doctor at one thing has shown.
type DoctorFinding struct {
	Area    incident.Text   `json:"area"`
	Subject string          `json:"subject,omitempty"`
	Level   string          `json:"level" doc:"ok, warning or problem"`
	Said    incident.Text   `json:"said"`
	Next    []incident.Text `json:"next" doc:"what to do, likeliest first"`
}

type diagnosisOut struct {
	Body struct {
		At       int64           `json:"at"`
		Findings []DoctorFinding `json:"findings"`
		Bundle   []byte          `json:"bundle,omitempty" doc:"a zip"`
	}
}

// diagnosis asks a gateway's doctor.
func (a *API) diagnosis(ctx context.Context, in *diagnosisIn) (*diagnosisOut, error) {
	answer, err := a.askGateway(ctx, in.Gateway, look.WholeGateway, &wire.Ask{About: &wire.Ask_Doctor{Doctor: &wire.AskDoctor{Lines: in.Body.Lines, Bundle: in.Body.Bundle}}})
	if err != nil {
		return nil, err
	}
	out := &diagnosisOut{}
	out.Body.At, out.Body.Bundle, out.Body.Findings = answer.GetAtMs(), answer.GetDiagnosis().GetBundle(), []DoctorFinding{}
	for _, f := range answer.GetDiagnosis().GetFindings() {
		next := []incident.Text{}
		for _, n := range f.GetNext() {
			next = append(next, said(n))
		}
		out.Body.Findings = append(out.Body.Findings, DoctorFinding{Area: said(f.GetArea()), Subject: f.GetSubject(), Level: f.GetLevel(), Said: said(f.GetSaid()), Next: next})
	}
	return out, nil
}
