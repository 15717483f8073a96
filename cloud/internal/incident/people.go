package incident

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// Path answers the nodes of the organisation from the root to an incident's site; none when it hangs on no node.
func Path(ctx context.Context, q db.Querier, in Incident) ([]tree.Node, error) {
	var path []tree.Node
	var err error
	if in.Site == "" {
		path, err = tree.Path(ctx, q, in.Node)
	} else {
		path, err = tree.PathOf(ctx, q, in.Site)
	}
	if errors.Is(err, org.ErrUnknown) {
		return nil, nil
	}
	return path, err
}

// holders answers the accounts that hold a right at an incident's place.
func (s *Service) holders(ctx context.Context, q db.Querier, in *Incident, r auth.Right) ([]auth.User, error) {
	if s.cfg.Holders == nil {
		return nil, nil
	}
	path, err := Path(ctx, q, *in)
	if err != nil {
		return nil, err
	}
	nodes := make([]string, len(path))
	for i, n := range path {
		nodes[i] = n.ID
	}
	return s.cfg.Holders(ctx, q, r, nodes)
}

// checkable refuses a check of one's own work where the class asks for another person's.
func (s *Service) checkable(ctx context.Context, q db.Querier, in *Incident, who Person) error {
	r, err := s.unchecked(ctx, q, in, who)
	if err != nil {
		return err
	}
	if r != nil {
		return r
	}
	return nil
}

// unchecked is checkable's refusal. A place where nobody else could check, such as one whose people are all operators, is
// not held up.
func (s *Service) unchecked(ctx context.Context, q db.Querier, in *Incident, who Person) (*Refusal, error) {
	handled := who.Name == in.TakenBy || who.Name == in.FinishedBy
	if !slices.Contains(s.cfg.Check, in.Severity) || who.may(auth.Dispatch) && !handled {
		return nil, nil
	}
	list, err := s.holders(ctx, q, in, auth.Dispatch)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, u := range list {
		checks := slices.ContainsFunc(u.Grants, func(g auth.Grant) bool {
			return g.Role != auth.Operator && slices.Contains(auth.RightsOf(g.Role), auth.Dispatch)
		})
		if checks && u.Name != in.TakenBy && u.Name != in.FinishedBy && u.Name != who.Name {
			names = append(names, u.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	some := strings.Join(names[:min(3, len(names))], "、")
	return &Refusal{Text{in.Severity + " 级警情须由处置人以外、有分拨权限的人核查：请先报“处置完毕”，再由 " + some + " 等核查归档",
		"class " + in.Severity + " is checked by somebody else who may dispatch: say that it is done, then " + some + " checks and closes it"}}, nil
}

// assignee checks who an incident is handed to, and fills in the name.
func (s *Service) assignee(ctx context.Context, q db.Querier, in *Incident, to Assignee, who Person) (Assignee, error) {
	switch to.Kind {
	case "person":
		to.Name = to.ID
		if to.ID == who.Name {
			return to, nil
		}
		list, err := s.holders(ctx, q, in, auth.Take)
		if err != nil {
			return to, err
		}
		if !slices.ContainsFunc(list, func(u auth.User) bool { return u.Name == to.ID }) {
			return to, &Refusal{Text{"“" + to.ID + "”没有账号或无权处置这里的警情", "“" + to.ID + "” has no account, or may not handle incidents here"}}
		}
		return to, nil
	case "node":
		path, err := tree.Path(ctx, q, to.ID)
		if errors.Is(err, org.ErrUnknown) {
			return to, &Refusal{Text{"组织里没有“" + to.ID + "”", "the organisation has no “" + to.ID + "”"}}
		}
		if err != nil {
			return to, err
		}
		to.Name = path[len(path)-1].Name
		return to, nil
	}
	node, name, _ := strings.Cut(to.ID, "/")
	path, err := tree.Path(ctx, q, node)
	if err != nil && !errors.Is(err, org.ErrUnknown) {
		return to, err
	}
	if len(path) == 0 || !slices.ContainsFunc(path[len(path)-1].Entries, func(e tree.NodeEntry) bool { return e.Record == tree.TeamRecord && e.Name == name }) {
		return to, &Refusal{Text{"组织里没有队伍“" + to.ID + "”（写作 节点/队伍名）", "the organisation has no team “" + to.ID + "” (write node/team)"}}
	}
	to.Name = name
	return to, nil
}

// Answers is who answers for an incident at its whistle.
type Answers struct {
	Whistle int    `json:"whistle"`
	Text    Text   `json:"text"`
	Node    string `json:"node,omitempty"`
	Name    string `json:"name,omitempty" doc:"the node's"`
	Person  string `json:"person,omitempty" doc:"who is responsible there today"`
}

// Answers says who answers for an incident: the nearest node at the first whistle, the nearest of the kinds that the street
// has named for it at the others, and the root where there is none.
func (s *Service) Answers(ctx context.Context, q db.Querier, in Incident) (Answers, error) {
	a := Answers{Whistle: in.Whistle, Text: Whistle(in.Whistle)}
	path, err := Path(ctx, q, in)
	if err != nil || len(path) == 0 {
		return a, err
	}
	at := len(path) - 1
	if kinds := s.cfg.Whistles[in.Whistle]; len(kinds) > 0 {
		for at = len(path) - 1; at > 0 && !slices.Contains(kinds, path[at].Kind); at-- {
		}
	}
	a.Node, a.Name = path[at].ID, path[at].Name
	if d := tree.Responsible(path[:at+1], s.day()); d != nil {
		a.Person = d.Name
	}
	return a, nil
}

func (s *Service) day() string { return s.cfg.Now().In(s.cfg.Zone).Format(time.DateOnly) }

func (s *Service) clock(at int64) string { return time.UnixMilli(at).In(s.cfg.Zone).Format("15:04") }

// superiors are who is told when an incident is urged: its assignee, who is responsible there, and the one above.
func (m *move) superiors() ([]string, error) {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	path, err := Path(m.ctx, m.tx, *m.in)
	if err != nil {
		return nil, err
	}
	if a := m.in.Assignee; a != nil {
		add(a.Name)
		if node, _, _ := strings.Cut(a.ID, "/"); a.Kind != "person" {
			of, err := tree.Path(m.ctx, m.tx, node)
			if err != nil && !errors.Is(err, org.ErrUnknown) {
				return nil, err
			}
			if len(of) > 0 {
				path = of
			}
		}
	}
	for n := len(path); n > 0 && len(names) < 3; n-- {
		if d := tree.Responsible(path[:n], m.s.day()); d != nil {
			add(d.Name)
		}
	}
	return names, nil
}

// urging is the line of the timeline that says who was urged.
func (m *move) urging() Text {
	t := m.sentence(Text{fmt.Sprintf("督办（第 %d 次）", m.in.Urged), fmt.Sprintf("Urged (%d)", m.in.Urged)})
	return t
}
