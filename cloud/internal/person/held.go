package person

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/rules"
)

// A HeldError says why a person cannot be erased yet, and what to do about each reason.
type HeldError struct{ Why []rules.Text }

func (e *HeldError) Error() string {
	var all []string
	for _, t := range e.Why {
		all = append(all, t.EN)
	}
	return strings.Join(all, "; ")
}

// mostHeld bounds how many examples of one reason are named.
const mostHeld = 5

// A duty is something that a person still has to do: rows of a query, whose two columns stand in a sentence.
type duty struct {
	query  string // its first arguments are the person's; rows have two texts
	named  holder // of the table of the query
	zh, en string
	now    bool // the query has the time as its last argument
}

// duties are what must be somebody else's before a person can go.
func duties() []duty {
	node := func(column, zh, en string) duty {
		return duty{query: `SELECT id, name FROM nodes WHERE `, named: holder{column: column, phone: column + "_phone"},
			zh: "是“%[2]s”（%[1]s）的" + zh + "：先在组织里换人（cloud org import，或“组织”页）", en: "is " + en + " of %[2]s (%[1]s): first name somebody else in the organisation (cloud org import, or its page)"}
	}
	incident := func(column, where string) duty {
		return duty{query: `SELECT id, title_zh FROM incidents WHERE handling <> 'closed' AND `, named: holder{column: column, where: where},
			zh: "警情 %s“%s”还没有办结：先办结，或改派给别人", en: "incident %s (%s) is not closed: close it, or assign it to somebody else"}
	}
	return []duty{
		node("owner", "责任人", "the owner"), node("deputy", "代理人", "the deputy"),
		{query: `SELECT node, role FROM shifts WHERE `, named: holder{column: "name", phone: "phone"},
			zh: "在 %s 的排班里（%s）：先改排班（“值班”页，或 cloud org import）", en: "is on the roster of %s (%s): first change the roster (page Duty, or cloud org import)"},
		{query: `SELECT node, name FROM node_entries WHERE record <> 'contact' AND `, named: holder{column: "name", phone: "phone"},
			zh: "%s 的队伍或物资“%s”登记的是此人或此号码：先换联系电话（cloud org import）", en: "%s: team or resource %s has this person's number: first give it another (cloud org import)"},
		{query: `SELECT node, role FROM handovers WHERE until_ms > ? AND `, now: true, named: holder{column: "taker", phone: "taker_phone"},
			zh: "已接 %s 的班（%s）：先交给别人", en: "has taken over a shift of %s (%s): first hand it on"},
		{query: `SELECT c.node, c.role FROM duty_answers JOIN duty_checks c ON c.id = duty_answers.check_id WHERE c.state = 'open' AND `, named: holder{column: "duty_answers.name", phone: "duty_answers.phone"},
			zh: "%s 的查岗（%s）正等此人应答：先等它结束", en: "a duty check of %s (%s) waits for the answer: wait until it is over"},
		incident("taken_by", ""), incident("assignee", "assignee_kind = 'person'"),
		{query: `SELECT id, reason FROM commands WHERE live = 1 AND `, named: holder{column: "issuer"},
			zh: "远程命令 %s（%s）还没有结束：先等它结束或撤回", en: "command %s (%s) is not over: wait for it, or withdraw it"},
	}
}

// held answers what the person still has to do.
func (s *subject) held(ctx context.Context, q db.Querier, now time.Time) ([]rules.Text, error) {
	var out []rules.Text
	for _, d := range duties() {
		condition, args := s.holds(d.named)
		if condition == "" {
			continue
		}
		for _, p := range s.phones {
			if d.named.phone != "" {
				condition, args = condition+` OR `+d.named.phone+` = ?`, append(args, p)
			}
		}
		if d.now {
			args = append([]any{now.UnixMilli()}, args...)
		}
		rows, err := q.QueryContext(ctx, d.query+`(`+condition+`) LIMIT ?`, append(args, mostHeld)...)
		if err != nil {
			return nil, fmt.Errorf("look what a person has to do: %w", err)
		}
		for rows.Next() {
			var a, b string
			if err := rows.Scan(&a, &b); err != nil {
				rows.Close()
				return nil, fmt.Errorf("look what a person has to do: %w", err)
			}
			out = append(out, rules.Text{ZH: fmt.Sprintf(d.zh, a, b), EN: fmt.Sprintf(d.en, a, b)})
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("look what a person has to do: %w", err)
		}
		rows.Close()
	}
	return out, nil
}
