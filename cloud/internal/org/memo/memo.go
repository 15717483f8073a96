// Package memo is the vocabulary of messages to people that are about no incident: an order, a duty check, a missed round, a
// hand-over, a site under maintenance. Who has such a message hands it to a sender (package notify) inside the transaction of what it tells of, so that
// both are there or neither; each declares the sender as the interface that it needs.
package memo

import (
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// Kinds of memos.
const (
	Order        = "order"
	OrderLate    = "order_late"
	DutyCheck    = "duty_check"
	DutyMissed   = "duty_missed"
	Patrol       = "patrol"
	PatrolMissed = "patrol_missed"
	HandOver     = "handover"
	Window       = "window"
)

// A Memo is one message. A second one of the same Kind about the same thing is not sent.
type Memo struct {
	Kind    string
	About   string // id of the order, the check, the round …
	Node    string // in whose mode it counts, and which groups read it
	Text    rules.Text
	Page    string        // path of a page to open; empty: none
	Subject string        // what a signed link in the message opens; empty: the page needs a log-in
	To      []tree.Person // whom it is for; groups read it too
	Until   time.Time     // reminders end; zero: there are none
	Every   time.Duration // between two reminders
}

// CheckSubject is what the signed link of a duty check opens.
func CheckSubject(id int64) string { return "check-" + strconv.FormatInt(id, 10) }
