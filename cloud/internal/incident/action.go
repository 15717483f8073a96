package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// intended is the outcome of an action that has only begun.
const intended = "intent"

// Action writes down what became of a gateway's action: into the timeline of its alert, or, of a move that is for no alert,
// into the gateway's journal. It answers the incident; empty when there is none, or none yet.
func (s *Service) Action(ctx context.Context, tx *sql.Tx, gateway string, r *wire.ActionResult) (string, error) {
	what, err := target(ctx, tx, gateway, r.GetAction())
	if err != nil {
		return "", err
	}
	text := actionText(what, r)
	if r.GetAlert() == "" {
		if r.GetOutcome() == intended {
			return "", nil // how it ended follows, and is the one line that people need
		}
		return "", org.Note(ctx, tx, org.Entry{At: time.UnixMilli(r.GetAtMs()), Gateway: gateway, Kind: org.OutputMoved, Text: rules.Text(text)})
	}
	a, err := alertOf(ctx, tx, gateway, r.GetAlert())
	key := a.incident
	if errors.Is(err, ErrUnknown) {
		key = orphan(gateway, r.GetAlert())
	} else if err != nil {
		return "", err
	}
	return a.incident, addEntry(ctx, tx, key, Entry{At: r.GetAtMs(), Kind: "action", Text: text, By: r.GetWho()})
}

// target names what an action does: "燃气阀 → 关闭".
func target(ctx context.Context, tx *sql.Tx, gateway string, a *wire.Action) (Text, error) {
	value := states(a.GetPoint(), a.GetValue())
	if value == (Text{}) {
		value = amount(a.GetPoint(), a.GetValue(), "")
		name := words(a.GetPoint())
		value.ZH, value.EN = name.ZH+" "+value.ZH, name.EN+" "+value.EN
	}
	d, err := org.OneDevice(ctx, tx, gateway, a.GetDevice())
	if errors.Is(err, org.ErrUnknown) {
		d, err = org.Device{Name: a.GetDevice()}, nil
	}
	if err != nil {
		return Text{}, err
	}
	for _, p := range d.Points {
		if label := p.Labels[int64(a.GetValue())]; p.Name == a.GetPoint() && label != "" {
			value.ZH = label
		}
	}
	return Text{d.Name + " → " + value.ZH, d.Name + " → " + value.EN}, nil
}

// actionText begins with how far the action has come, up to a colon; behind it stands what is done, and on whose authority.
func actionText(what Text, r *wire.ActionResult) Text {
	by := authority(r)
	what.ZH, what.EN = what.ZH+by.ZH, what.EN+by.EN
	var zh, en string
	if word := r.GetReason(); word != "" {
		why := refusal(word)
		zh, en = "，"+why.ZH, ", "+why.EN
	}
	switch r.GetOutcome() {
	case intended:
		return Text{"已命令：" + what.ZH, "Commanded: " + what.EN}
	case "confirmed":
		return Text{"已确认：" + what.ZH, "Confirmed: " + what.EN}
	case "refused":
		return Text{"网关拒绝" + zh + "：" + what.ZH, "Refused by the gateway" + en + ": " + what.EN}
	}
	return Text{fmt.Sprintf("没有成功（试了 %d 次%s）：%s", r.GetAttempts(), zh, what.ZH), fmt.Sprintf("Failed (%d attempts%s): %s", r.GetAttempts(), en, what.EN)}
}

// authority says on whose an output was moved; empty when the gateway does not tell.
func authority(r *wire.ActionResult) Text {
	rule, _, _ := strings.Cut(r.GetAlert(), "/")
	who := r.GetWho()
	switch owner := r.GetOwner(); {
	case owner == "manual" && who != "":
		return Text{"（由 " + who + " 手动）", " (by hand, " + who + ")"}
	case owner == "manual":
		return Text{"（现场手动）", " (by hand)"}
	case owner == "cloud" && who != "":
		return Text{"（由 " + who + " 远程）", " (from afar, " + who + ")"}
	case owner == "cloud":
		return Text{"（远程）", " (from afar)"}
	case owner == "schedule":
		return Text{"（按时间表）", " (by schedule)"}
	case owner == "interlock":
		return Text{"（联锁）", " (interlock)"}
	case owner != "" && rule != "":
		return Text{"（由规则 " + rule + "）", " (by rule " + rule + ")"}
	case owner == "safety":
		return Text{"（安全状态）", " (safe state)"}
	}
	return Text{}
}
