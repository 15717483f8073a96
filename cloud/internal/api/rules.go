package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/push"
	"github.com/linshao/linshao/cloud/internal/rulebook"
)

// rulebook is the part of the table about rules.
func (a *API) rulebook(h huma.API) {
	register(a, h, access{auth.See, anything}, get, "/rules", "Rules, how often each has spoken, and how often it was wrong", a.rules)
	register(a, h, access{auth.See, anything}, get, "/rules/{rule}", "One rule: its text, what it says, and where it judges", a.rule)
	register(a, h, access{auth.See, anything}, post, "/rules/check", "What is wrong with a draft of a rule, with line and column", a.checkRule)
	register(a, h, access{auth.See, anything}, post, "/rules/replay", "What a draft would have made of stored readings, beside the present rules; carries nothing out, at most 10 s", a.replayRules)
	register(a, h, access{auth.Install, ofGateway}, put, "/gateways/{gateway}/rules/{rule}", "Push a draft of one rule to a gateway, as a new revision of its configuration", a.publishRule)
}

type rulesOut struct {
	Body struct {
		Rules []rulebook.RuleFigures `json:"rules"`
		Hash  string                 `json:"hash" doc:"of all shipped rules"`
		Now   int64                  `json:"now" doc:"Unix ms"`
	}
}

func (a *API) rules(ctx context.Context, _ *none) (*rulesOut, error) {
	now := a.cfg.Now()
	list, err := a.cfg.Rules.Book.Rules(ctx, a.cfg.DB.Reader(), scope(ctx), now)
	if err != nil {
		return nil, err
	}
	out := &rulesOut{}
	out.Body.Rules, out.Body.Hash, out.Body.Now = list, a.cfg.Rules.Book.Hash(), now.UnixMilli()
	return out, nil
}

type ruleIn struct {
	Rule string `path:"rule" maxLength:"32"`
}

type ruleOut struct{ Body rulebook.RuleDetail }

func (a *API) rule(ctx context.Context, in *ruleIn) (*ruleOut, error) {
	d, ok, err := a.cfg.Rules.Book.Detail(ctx, a.cfg.DB.Reader(), scope(ctx), in.Rule, a.cfg.Now())
	if err == nil && !ok {
		return nil, errNotFound()
	}
	return &ruleOut{d}, err
}

type checkRuleIn struct {
	Body struct {
		Draft string `json:"draft" minLength:"1" maxLength:"32768" doc:"rules as YAML: a file, or one rule without the head of a file"`
	}
}

// CheckedDraft is what is wrong with a draft, and what it comes to.
type CheckedDraft struct {
	Good     bool                    `json:"good" doc:"it can be played: there are warnings at most"`
	Problems []rulebook.DraftProblem `json:"problems"`
	Rules    []rulebook.RuleVersion  `json:"rules"`
	File     string                  `json:"file,omitempty" doc:"as a gateway takes it into its folder of rules; absent when it is not good"`
}

type checkRuleOut struct{ Body CheckedDraft }

func (a *API) checkRule(_ context.Context, in *checkRuleIn) (*checkRuleOut, error) {
	return &checkRuleOut{a.checked(a.cfg.Rules.Book.Check(in.Body.Draft))}, nil
}

func (a *API) checked(d rulebook.Draft) CheckedDraft {
	c := CheckedDraft{Good: d.Good(), Problems: d.Problems, Rules: a.cfg.Rules.Book.Versions(d)}
	if c.Problems == nil {
		c.Problems = []rulebook.DraftProblem{}
	}
	if c.Good {
		c.File = d.File()
	}
	return c
}

type replayIn struct {
	Body struct {
		Draft string   `json:"draft" minLength:"1" maxLength:"32768" doc:"rules as YAML: a file, or one rule without the head of a file"`
		Sites []string `json:"sites" minItems:"1" maxItems:"30" doc:"played in this order"`
		Hours int      `json:"hours" minimum:"1" maximum:"168" default:"24" doc:"how long the period is"`
		To    int64    `json:"to,omitempty" minimum:"0" doc:"end of the period, Unix ms; absent: now"`
		Token string   `json:"token,omitempty" maxLength:"40" doc:"made by the caller: the live stream tells under it how far the replay has come (kind replay)"`
	}
}

type replayOut struct {
	Body struct {
		CheckedDraft
		Played *rulebook.ReplayResult `json:"played,omitempty" doc:"absent when the draft is not good"`
	}
}

// went tells the live stream how far a replay has come; nil when nobody wants to know.
func (a *API) went(token string) func(share float64) {
	if token == "" {
		return nil
	}
	return func(share float64) {
		if err := live.Publish(a.cfg.Hub, live.Thing{Kind: "replay", ID: token, Hint: true}, struct {
			Token string  `json:"token"`
			Share float64 `json:"share"`
		}{token, share}); err != nil {
			a.cfg.Log.Error("progress of a replay not told", "err", err)
		}
	}
}

// replayRules plays a draft. One at a time: it takes a processor for itself.
func (a *API) replayRules(ctx context.Context, in *replayIn) (*replayOut, error) {
	b := in.Body
	draft := a.cfg.Rules.Book.Check(b.Draft)
	out := &replayOut{}
	if out.Body.CheckedDraft = a.checked(draft); !out.Body.Good {
		return out, nil
	}
	if err := a.mine(ctx, b.Sites); err != nil {
		return nil, err
	}
	select {
	case a.playing <- struct{}{}:
		defer func() { <-a.playing }()
	default:
		return nil, newProblem(http.StatusTooManyRequests, "replay_busy", "另一个回放正在进行，最长 10 秒，请稍后再试", "another replay is under way, for 10 s at most; try again then")
	}
	to := a.cfg.Now()
	if b.To > 0 && b.To < to.UnixMilli() {
		to = time.UnixMilli(b.To)
	}
	played, err := a.cfg.Rules.Play(ctx, rulebook.Ask{Draft: draft, Sites: b.Sites, From: to.Add(-time.Duration(b.Hours) * time.Hour), To: to, Went: a.went(b.Token)})
	if err != nil {
		return nil, a.unread(err, "replay of rules")
	}
	out.Body.Played = &played
	return out, nil
}

type publishRuleIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Rule    string `path:"rule" maxLength:"32"`
	Body    struct {
		Draft  string `json:"draft" minLength:"1" maxLength:"32768" doc:"the one rule as YAML"`
		Reason string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

// publishRule pushes the file of a rule with a draft in its place; what else is pushed stays, and so do its other rules. The
// gateway checks it once more, tries it, and takes it back when it gets worse.
func (a *API) publishRule(ctx context.Context, in *publishRuleIn) (*configOut, error) {
	reason := strings.TrimSpace(in.Body.Reason)
	wanted, err := push.Of(ctx, a.cfg.DB.Reader(), in.Gateway, 0)
	if err != nil {
		return nil, err
	}
	name, text, ok := a.cfg.Rules.Book.Place(a.cfg.Rules.Book.Check(in.Body.Draft), in.Rule, wanted.Parts)
	if !ok || reason == "" {
		return nil, newProblem(http.StatusUnprocessableEntity, "bad_draft", "草稿有错误，或不是这一条规则，或没有写理由", "the draft has mistakes, is not just this rule, or there is no reason")
	}
	err = a.cfg.Pushes.Put(ctx, push.Wish{Gateway: in.Gateway, Parts: map[string]string{name: text}, Merge: true, If: &wanted.Revision, Reason: in.Rule + ": " + reason, Who: callerOf(ctx).user.Name})
	if err != nil {
		return nil, err
	}
	return a.gatewayConfig(ctx, &configIn{Gateway: in.Gateway})
}

// mine refuses sites that the caller may not see, as if they were not there.
func (a *API) mine(ctx context.Context, sites []string) error {
	all, err := org.Sites(ctx, a.cfg.DB.Reader(), scope(ctx))
	if err != nil {
		return err
	}
	for _, id := range sites {
		if !slices.ContainsFunc(all, func(s org.Site) bool { return s.ID == id }) {
			return errNotFound()
		}
	}
	return nil
}
