package patrol

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Stop is one point of a round.
type Stop struct {
	N        int      `json:"n"`
	Name     string   `json:"name"`
	Position string   `json:"position,omitempty"`
	Coded    bool     `json:"coded,omitempty" doc:"it has a QR or NFC code"`
	Checks   []string `json:"checks,omitempty" doc:"what to look at"`
	At       int64    `json:"at,omitempty" doc:"when it was seen, Unix ms; absent: not yet"`
	Who      string   `json:"who,omitempty"`
	How      string   `json:"how,omitempty" doc:"code: its code was read; tap: without"`
	Note     string   `json:"note,omitempty"`
	Photos   []string `json:"photos,omitempty"`
	Incident string   `json:"incident,omitempty" doc:"that what was found became"`
	code     string
}

// A Round is one walk of a plan.
type Round struct {
	ID     int64  `json:"id"`
	Node   string `json:"node"`
	Place  string `json:"place" doc:"name of the node"`
	Plan   string `json:"plan"`
	Role   string `json:"role" doc:"of the shift that walks it"`
	Due    int64  `json:"due" doc:"when it begins, Unix ms"`
	Until  int64  `json:"until" doc:"when its time is over, Unix ms"`
	State  string `json:"state" enum:"open,done,late,missed,void"`
	Done   int64  `json:"done,omitempty" doc:"when its last point was seen, Unix ms"`
	Points int    `json:"points"`
	Seen   int    `json:"seen"`
	Stops  []Stop `json:"stops,omitempty" doc:"of one round alone"`
}

const columns = `SELECT r.id, r.node, coalesce(n.name, r.node), r.plan, r.role, r.due_ms, r.until_ms, r.state, r.done_ms, r.points,
	(SELECT count(*) FROM patrol_stops s WHERE s.round = r.id AND s.at > 0) FROM patrol_rounds r LEFT JOIN nodes n ON n.id = r.node WHERE `

func scan(row interface{ Scan(...any) error }) (Round, error) {
	var r Round
	err := row.Scan(&r.ID, &r.Node, &r.Place, &r.Plan, &r.Role, &r.Due, &r.Until, &r.State, &r.Done, &r.Points, &r.Seen)
	return r, err
}

// An Ask is which rounds are wanted.
type Ask struct {
	In       tree.Scope
	Node     string // and all below it; empty: the whole scope
	From, To int64  // that begin then, Unix ms; To is not included
	State    string // of this state alone; empty: of every
	Offset   int    // so many of the newest are left out
	Most     int
}

// List answers rounds, newest first.
func List(ctx context.Context, q db.Querier, a Ask) ([]Round, error) {
	where, args := a.In.Nodes("r.node")
	if a.Node != "" {
		more, also := tree.Below(a.Node).Nodes("r.node")
		where, args = where+` AND `+more, append(args, also...)
	}
	if a.State != "" {
		where, args = where+` AND r.state = ?`, append(args, a.State)
	}
	rows, err := q.QueryContext(ctx, columns+where+` AND r.due_ms >= ? AND r.due_ms < ? ORDER BY r.due_ms DESC, r.id DESC LIMIT ? OFFSET ?`, append(args, a.From, a.To, a.Most, a.Offset)...)
	if err != nil {
		return nil, fmt.Errorf("list rounds: %w", err)
	}
	defer rows.Close()
	out := []Round{}
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read round: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// PhotoPlace is what the photos of a round are kept under, where those of incidents have the incident's number.
func PhotoPlace(round int64) string { return fmt.Sprintf("patrol-%d", round) }

// Get answers one round with its points. An unknown one: org.ErrUnknown.
func Get(ctx context.Context, q db.Querier, id int64) (Round, error) {
	rows, err := q.QueryContext(ctx, columns+`r.id = ?`, id)
	if err != nil {
		return Round{}, fmt.Errorf("read round %d: %w", id, err)
	}
	var r Round
	for rows.Next() {
		if r, err = scan(rows); err != nil {
			return r, errors.Join(fmt.Errorf("read round %d: %w", id, err), rows.Close())
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return r, fmt.Errorf("read round %d: %w", id, err)
	}
	if r.ID == 0 {
		return r, fmt.Errorf("round %d: %w", id, org.ErrUnknown)
	}
	if r.Stops, err = stops(ctx, q, id); err != nil {
		return r, err
	}
	photos, err := q.QueryContext(ctx, `SELECT n, id FROM photos WHERE incident = ? ORDER BY at, id`, PhotoPlace(id))
	if err != nil {
		return r, fmt.Errorf("read photos of round %d: %w", id, err)
	}
	defer photos.Close()
	for photos.Next() {
		var n int
		var photo string
		if err := photos.Scan(&n, &photo); err != nil {
			return r, fmt.Errorf("read photos of round %d: %w", id, err)
		}
		if n >= 1 && n <= len(r.Stops) {
			r.Stops[n-1].Photos = append(r.Stops[n-1].Photos, photo)
		}
	}
	return r, photos.Err()
}

func stops(ctx context.Context, q db.Querier, round int64) ([]Stop, error) {
	rows, err := q.QueryContext(ctx, `SELECT n, name, position, code, checks, at, who, how, note, incident FROM patrol_stops WHERE round = ? ORDER BY n`, round)
	if err != nil {
		return nil, fmt.Errorf("read points of round %d: %w", round, err)
	}
	defer rows.Close()
	out := []Stop{}
	for rows.Next() {
		var s Stop
		var checks string
		if err := rows.Scan(&s.N, &s.Name, &s.Position, &s.code, &checks, &s.At, &s.Who, &s.How, &s.Note, &s.Incident); err != nil {
			return nil, fmt.Errorf("read points of round %d: %w", round, err)
		}
		if s.Coded = s.code != ""; checks != "" {
			s.Checks = strings.Split(checks, "; ")
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// A PlanAt is a plan of rounds and where it belongs.
type PlanAt struct {
	Node  string `json:"node"`
	Place string `json:"place" doc:"name of the node"`
	tree.Patrol
	Next int64 `json:"next,omitempty" doc:"when its next round begins, Unix ms; absent: not within a month"`
}

// planAhead is how far ahead the next round of a plan is looked for.
const planAhead = 32 * 24 * time.Hour

// Plans answers those of a part of the street. now is in the street's zone, in which plans say their times.
func Plans(ctx context.Context, q db.Querier, in tree.Scope, now time.Time) ([]PlanAt, error) {
	nodes, err := tree.Subtree(ctx, q, "")
	if err != nil {
		return nil, err
	}
	out := []PlanAt{}
	for _, n := range in.Visible(nodes) {
		for _, p := range n.Patrols {
			at := PlanAt{Node: n.ID, Place: n.Name, Patrol: p}
			if next := shift.Begins(p.Days, p.Hours, now, now.Add(planAhead)); len(next) > 0 && len(p.Points) > 0 { // one without points makes no rounds
				at.Next = next[0].UnixMilli()
			}
			out = append(out, at)
		}
	}
	return out, nil
}
