package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// Means by which a receiver reaches people; Mail, one person's mailbox, is another.
const (
	Group  = "group"  // whoever reads a chat group or a shared mailbox
	SMS    = "sms"    // one person's phone
	Voice  = "voice"  // one person's phone, which rings
	System = "system" // no person: another system, which is told of each change
)

// Means answers those that a rung of an escalation can name.
func Means() []string { return []string{Group, SMS, Voice, Mail} }

// Words for whom a rung tells. EntryOf before a kind means the contacts, teams or resources of that kind with a phone number,
// of the nearest node of the site's path that has any.
const (
	Responsible = "responsible" // who answers for the site today: the owner, or the deputy while a hand-over lasts
	Deputy      = "deputy"      // the other one of the two; without one, who answers for the node above
	Street      = "street"      // who is on duty at the street, else who answers for it
	EntryOf     = "entry:"
)

// A Policy says who is told of an incident of a class (A, B, C), and how.
type Policy map[string]Class

// A Class is the escalation of one class.
type Class struct {
	Rungs  []Rung        // the first when an incident is opened or gets into the class, the others as the rules of overdue incidents climb
	Remind time.Duration // who the first rung told is told again so often until somebody takes the incident; 0: never
	Most   int           // reminders of one incident for one receiver and person
	Digest Digest
}

// A Rung is one step of an escalation.
type Rung struct {
	Tell []string // whom, of the words above
	By   []string // by which Means
}

// A Digest collects messages of a class for groups and people: one each Every, from From to To of the day. The zero
// Digest collects nothing.
type Digest struct {
	Every    time.Duration
	From, To time.Duration // of the day
}

// DefaultPolicy is the escalation of a street that says nothing.
func DefaultPolicy() Policy {
	all := Means()
	written := []string{Group, SMS, Mail}
	return Policy{
		"A": {Remind: 3 * time.Minute, Most: 5, Rungs: []Rung{
			{[]string{Responsible}, all}, {[]string{Deputy, EntryOf + "微型消防站"}, all}, {[]string{Street}, all}, {[]string{Street, EntryOf + "攻坚哨"}, all}}},
		"B": {Remind: 30 * time.Minute, Most: 3, Rungs: []Rung{
			{nil, []string{Group}}, {[]string{Responsible}, written}, {[]string{Street}, written}}},
		"C": {Rungs: []Rung{{nil, []string{Group}}, {nil, []string{Group}}}, Digest: Digest{2 * time.Hour, 8 * time.Hour, 20 * time.Hour}},
	}
}

// Check answers what is wrong with a rung.
func (r Rung) Check() error {
	for _, whom := range r.Tell {
		if kind, ok := strings.CutPrefix(whom, EntryOf); ok && strings.TrimSpace(kind) != "" {
			continue
		}
		if whom != Responsible && whom != Deputy && whom != Street {
			return fmt.Errorf("tell: %q is nobody: use %s, %s, %s or %sKIND, such as %s微型消防站", whom, Responsible, Deputy, Street, EntryOf, EntryOf)
		}
	}
	for _, means := range r.By {
		if !slices.Contains(Means(), means) {
			return fmt.Errorf("by: %q is no means: use %s", means, strings.Join(Means(), ", "))
		}
	}
	return nil
}

// rung answers which step of its class a change of an incident is; ok is false of a change that asks nobody to act.
func (p Policy) rung(in incident.Incident, kind string) (n int, r Rung, ok bool) {
	switch kind {
	case incident.KindOpened, incident.KindSeverity, incident.KindJoined:
	case incident.KindOverdue:
		n = in.Overdue
	case incident.KindWhistle:
		n = in.Whistle
	default:
		if r, ok := asked(in, kind); ok {
			return 1, r, true
		}
		return 0, Rung{}, false
	}
	rungs := p[in.Severity].Rungs
	if len(rungs) == 0 {
		return n, Rung{}, true
	}
	return n, rungs[min(n, len(rungs)-1)], true
}

// next is when the next digest goes out, not before now.
func (d Digest) next(now time.Time) time.Time {
	if d.Every <= 0 {
		return now
	}
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	for at := d.From; at <= d.To; at += d.Every {
		if slot := day.Add(at); !slot.Before(now) {
			return slot
		}
	}
	return day.AddDate(0, 0, 1).Add(d.From)
}

// Gaps says what the receivers lack to tell people of class A by two ways, as GB/T 45839 asks for gas and fire; empty when
// they lack nothing. Receivers of some sites only do not count: other sites have none of them.
func (p Policy) Gaps(receivers []Receiver) string {
	ways := 0
	_, first, _ := p.rung(incident.Incident{Severity: "A"}, incident.KindOpened)
	for _, r := range receivers {
		if slices.Contains(r.Severities, "A") && len(r.Sites) == 0 && slices.Contains(first.By, r.means()) && (r.means() == Group || len(first.Tell) > 0) {
			ways++
		}
	}
	if ways >= 2 {
		return ""
	}
	return fmt.Sprintf("an alert of class A reaches people through %d receiver(s); gas and fire need two different ones (GB/T 45839: within 15 s by 2 channels)", ways)
}

// Quiet is the part of a day in which a receiver hears of class A alone, such as 22:00 to 07:00. The zero Quiet is none.
type Quiet struct{ From, To time.Duration }

// until answers when the quiet ends in which a moment lies; zero when it lies in none.
func (q Quiet) until(now time.Time) time.Time {
	if q.From == q.To {
		return time.Time{}
	}
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	for _, d := range []int{-1, 0} {
		from, to := day.AddDate(0, 0, d).Add(q.From), day.AddDate(0, 0, d).Add(q.To)
		if q.To < q.From {
			to = to.AddDate(0, 0, 1)
		}
		if !now.Before(from) && now.Before(to) {
			return to
		}
	}
	return time.Time{}
}
