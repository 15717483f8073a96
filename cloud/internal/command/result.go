package command

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// Result takes the gateway's word on a command, inside the transaction that takes the event. It answers the incident whose
// timeline it is in; empty: none. A word about a command that is not here, or that says nothing new, changes nothing.
func (s *Service) Result(ctx context.Context, tx *sql.Tx, gateway string, r *wire.ActionResult) (string, error) {
	c, err := scan(tx.QueryRowContext(ctx, columns+`WHERE id = ? AND gateway = ?`, r.GetCommand(), gateway))
	if errors.Is(err, org.ErrUnknown) {
		s.cfg.Log.Warn("result of a command that is not known", "gateway", gateway, "command", r.GetCommand())
		return "", nil
	}
	if err != nil {
		return "", err
	}
	state := stateOf(r.GetOutcome())
	if state == "" || !counts(c.State, state) {
		return "", nil
	}
	what, err := incident.TargetWords(ctx, tx, gateway, c.action())
	if err != nil {
		return "", err
	}
	text, why := words(what, state, r)
	now := s.cfg.Now()
	c.State, c.live, c.Why = state, state == Acting, why
	if c.Due = now.Add(actingTime).UnixMilli(); state != Acting {
		c.Due, c.Ended = 0, now.UnixMilli()
	}
	if err := save(ctx, tx, c); err != nil {
		return "", err
	}
	fresh, err := step(ctx, tx, c, CommandStep{state, r.GetAtMs(), text, c.Issuer})
	if err != nil || !fresh || state == Acting {
		return c.Incident, err
	}
	s.ended.WithLabelValues(state).Inc()
	if c.Incident == "" {
		err = org.Note(ctx, tx, org.Entry{At: time.UnixMilli(r.GetAtMs()), Gateway: gateway, Kind: org.OutputMoved, Text: rules.Text(text)})
	}
	return c.Incident, err
}

// stateOf is the state that a gateway's outcome makes; empty: it is not known here.
func stateOf(outcome string) string {
	switch outcome {
	case "intent":
		return Acting
	case Confirmed, Failed, Refused, Unknown:
		return outcome
	}
	return ""
}

// counts says whether a word of the gateway's changes what is known. What was done counts more than what was refused: a duplicate
// that came too late says nothing of the first. What was concluded here without its word gives way.
func counts(is, told string) bool {
	rank := []string{Waiting, Ready, Sent, Withdrawn, Expired, Acting, Unknown, Refused, Failed, Confirmed}
	return slices.Index(rank, told) > slices.Index(rank, is)
}

// words tell a result, and why it came to nothing.
func words(what incident.Text, state string, r *wire.ActionResult) (text, why incident.Text) {
	if said := r.GetReason(); said != "" && state != Acting {
		why = incident.RefusalWords(said)
	}
	zh, en := why.ZH, why.EN
	if zh != "" {
		zh, en = "："+zh, ": "+en
	}
	switch state {
	case Acting:
		text = incident.Text{ZH: "网关开始执行：" + what.ZH, EN: "The gateway has begun: " + what.EN}
	case Confirmed:
		text = incident.Text{ZH: "已确认（回读一致）：" + what.ZH, EN: "Confirmed by reading back: " + what.EN}
	case Failed:
		text = incident.Text{ZH: fmt.Sprintf("没有成功（试了 %d 次）%s", r.GetAttempts(), zh), EN: fmt.Sprintf("Failed after %d attempts%s", r.GetAttempts(), en)}
	case Refused:
		text = incident.Text{ZH: "网关拒绝" + zh, EN: "Refused by the gateway" + en}
	default:
		text = incident.Text{ZH: "结果不明" + zh, EN: "The result is not known" + en}
	}
	return text, why
}
