package escalation

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // reads what the cloud keeps
)

// A notice is what the cloud keeps of one message to one receiver or person.
type notice struct {
	id                            int64
	receiver, incident, kind      string
	severity, state, people, key  string
	step                          int
	created, opened, graded, told time.Time
}

// due is how many notices an incident has in the end, which nobody takes or closes: of class A, three robots, the other
// system, and one person by text message and call hear of it and of each of three rungs; of class B, one robot, the
// system and one person by text message. Reminders go to all but the system.
func due(a, b int) int { return a*(6*4+5*mostTold) + b*(3*2+2*mostTold) }

func (b *bench) open() (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+filepath.Join(b.o.Dir, "data", "cloud.db")+"?mode=ro")
}

// told says whether all is told; the error says how much is.
func (b *bench) told(ctx context.Context) error {
	d, err := b.open()
	if err != nil {
		return err
	}
	defer d.Close()
	var sent, open int
	if err := d.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN state = 'sent' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END), 0)
		FROM notices WHERE kind IN ('opened', 'overdue', 'reminder')`).Scan(&sent, &open); err != nil {
		return err
	}
	var a, c int // incidents that have reached the last rung
	if err := d.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN severity = 'A' AND step = 3 THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN severity = 'B' THEN 1 ELSE 0 END), 0)
		FROM (SELECT incident, severity, max(step) AS step FROM notices WHERE kind = 'overdue' GROUP BY incident, severity) r`).Scan(&a, &c); err != nil {
		return err
	}
	reminders := b.gateway.a*5*mostTold + b.gateway.b*2*mostTold
	var reminded int
	if err := d.QueryRowContext(ctx, `SELECT count(*) FROM notices WHERE kind = 'reminder'`).Scan(&reminded); err != nil {
		return err
	}
	if a < b.gateway.a || c < b.gateway.b || reminded < reminders || open > 0 {
		return fmt.Errorf("%d of %d and %d of %d incidents have reached their last rung, %d of %d reminders are there, %d notices are told, %d wait", a, b.gateway.a, c, b.gateway.b, reminded, reminders, sent, open)
	}
	return nil
}

// judge holds what the cloud keeps against what the receivers heard.
func (b *bench) judge(ctx context.Context) error {
	list, err := b.notices(ctx)
	if err != nil {
		return err
	}
	r, heard := b.result, b.receivers
	heard.mu.Lock()
	defer heard.mu.Unlock()
	r.Incidents, r.Notices = b.gateway.a+b.gateway.b, len(list)
	r.Repeated, r.Cut, r.Unsigned, r.Flooded = heard.repeated, heard.cut, heard.unsigned, heard.flooded
	r.PerMinute = max(heard.most("wecom"), heard.most("dingtalk"))
	known, once := map[string]bool{}, map[string]int{}
	counted := 0
	for i := range list {
		n := &list[i]
		known[n.receiver+" "+n.key] = true
		once[fmt.Sprint(n.receiver, n.incident, n.kind, n.step, n.people)]++
		if n.kind == "opened" || n.kind == "overdue" || n.kind == "reminder" {
			counted++
		}
		b.heard(n)
		b.timer(n)
	}
	counted += b.passed(list)
	if want := due(b.gateway.a, b.gateway.b); counted != want {
		r.wrong(&r.Lost, "%d notices of %d", counted, want)
	}
	for what, n := range once {
		if n > 1 {
			r.wrong(&r.Doubled, "%s is there %d times", what, n)
		}
	}
	for receiver, messages := range heard.taken {
		r.Messages += len(messages)
		for key := range messages {
			if !known[receiver+" "+key] {
				r.wrong(&r.Doubled, "%s took %q, under which the cloud knows nothing", receiver, key)
			}
		}
	}
	return nil
}

// passed counts the notices of rungs that an incident was led past, because the cloud was down from then until the next one
// was due; their people must be told with that one, which has as many notices more.
func (b *bench) passed(list []notice) (missing int) {
	type place struct {
		incident string
		step     int
	}
	reached, of := map[place]bool{}, map[string]notice{}
	for _, n := range list {
		if n.severity != "A" {
			continue
		}
		of[n.incident] = n
		if n.kind == "overdue" {
			reached[place{n.incident, n.step}] = true
		}
	}
	waits := []time.Duration{0, second, street, district}
	for id, n := range of {
		for step := 1; step < 3; step++ {
			if reached[place{id, step}] {
				continue
			}
			b.result.Passed++
			if up := b.up(n.graded.Add(waits[step]), n.graded.Add(waits[step+1])); up > late+b.stall {
				b.result.wrong(&b.result.Lost, "%s was led past rung %d, and the cloud was up for %v of it", id, step, up)
			}
			missing += 4 // the robots and the system, which hear of the next rung
			for _, receiver := range []string{"sms", "voice"} {
				if step == 2 { // the street, which the last rung tells too: once is enough
					missing++
				} else if !slices.ContainsFunc(list, func(o notice) bool {
					return o.incident == id && o.receiver == receiver && o.kind == "overdue" && strings.Contains(o.people, "李副")
				}) {
					b.result.wrong(&b.result.Lost, "%s: the deputy is not told by %s", id, receiver)
				}
			}
		}
	}
	return missing
}

// heard checks that a notice was taken.
func (b *bench) heard(n *notice) {
	r := b.result
	m, ok := b.receivers.taken[n.receiver][n.key]
	switch {
	case n.state != "sent":
		r.wrong(&r.Lost, "%s is %s", n.key, n.state)
	case !ok:
		r.wrong(&r.Lost, "%s is sent under %q, which %s has not taken", n.incident, n.key, n.receiver)
	case n.receiver != "sms" && n.receiver != "voice" && !slices.Contains(m.incidents, n.incident):
		r.wrong(&r.Lost, "%s does not stand in %q", n.incident, n.key)
	}
	n.told = m.at
	if ok && n.severity == "A" && n.kind == "opened" && n.receiver != "street" {
		r.TakenA = max(r.TakenA, b.up(n.opened, n.told).Seconds())
	}
}

// timer checks when a rung was reached, or a reminder came.
func (b *bench) timer(n *notice) {
	var due, at time.Time
	switch {
	case n.kind == "overdue" && n.severity == "A":
		due, at = n.graded.Add([]time.Duration{0, second, street, district}[min(n.step, 3)]), n.created
	case n.kind == "overdue":
		due, at = n.graded.Add(street), n.created
	case n.kind == "reminder" && (n.receiver == "sms" || n.receiver == "voice"):
		due, at = n.created.Add(remind), n.told
	default:
		return
	}
	r := b.result
	r.Timers++
	if b.up(due, due.Add(time.Millisecond)) == 0 {
		r.Hit++
	}
	behind := b.up(due, at)
	r.LateMost = max(r.LateMost, behind.Milliseconds())
	switch {
	case at.Before(due):
		r.wrong(&r.Early, "%s %s %d: due %s, came %s", n.incident, n.kind, n.step, clock(due), clock(at))
	case behind > late+b.stall:
		r.wrong(&r.Late, "%s %s %d of %s: due %s, came %s, the cloud was up for %v of that", n.incident, n.kind, n.step, n.receiver, clock(due), clock(at), behind)
	}
}

// up is how much of a time the cloud was up.
func (b *bench) up(from, to time.Time) time.Duration {
	d := to.Sub(from)
	for _, s := range b.down {
		start, end := s.from, s.to
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		if end.After(start) {
			d -= end.Sub(start)
		}
	}
	return max(d, 0)
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

func (b *bench) notices(ctx context.Context) ([]notice, error) {
	d, err := b.open()
	if err != nil {
		return nil, fmt.Errorf("open the cloud's database: %w", err)
	}
	defer d.Close()
	rows, err := d.QueryContext(ctx, `SELECT n.id, n.receiver, n.incident, n.kind, n.severity, n.state, n.people, n.bundle, n.step, n.created, i.opened_at, i.graded
		FROM notices n JOIN incidents i ON i.id = n.incident`)
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	defer rows.Close()
	var list []notice
	for rows.Next() {
		var n notice
		var created, opened, graded int64
		if err := rows.Scan(&n.id, &n.receiver, &n.incident, &n.kind, &n.severity, &n.state, &n.people, &n.key, &n.step, &created, &opened, &graded); err != nil {
			return nil, fmt.Errorf("read notice: %w", err)
		}
		n.created, n.opened, n.graded = time.UnixMilli(created), time.UnixMilli(opened), time.UnixMilli(graded)
		if n.key == "" { // a message of one notice has the notice's own key
			n.key = fmt.Sprintf("%s-%s-%s-%d", n.incident, n.kind, n.receiver, n.id)
		}
		list = append(list, n)
	}
	return list, rows.Err()
}
