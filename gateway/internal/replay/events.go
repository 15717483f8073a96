package replay

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// Recorded is what the events log of a gateway tells of a time.
type Recorded struct {
	Alerts []rules.RecordedAlert // that fired, in the order in which they began
	Resets []rules.ReplayReset   // by people at the site
}

// resetWords begin the message of an alert that a person has reset.
const resetWords = "已人工复位："

// ReadEvents reads what was told live between two moments. A folder without events has none.
func ReadEvents(data string, from, to time.Time) (Recorded, error) {
	var all Recorded
	log, err := openStream(data, wire.StreamEvents)
	if err != nil || log == nil {
		return all, err
	}
	byID := map[string]int{}
	for r, err := range log.Range(from, to) {
		if err != nil {
			return all, err
		}
		var e wire.Event
		if r.Type != wire.TypeEvent || proto.Unmarshal(r.Payload, &e) != nil || e.GetAlert() == nil {
			continue
		}
		all.take(e.GetAlert().Event(), byID)
	}
	slices.SortStableFunc(all.Resets, func(a, b rules.ReplayReset) int { return a.At.Compare(b.At) })
	return all, nil
}

func (all *Recorded) take(ev rules.AlertEvent, byID map[string]int) {
	i, known := byID[ev.Alert]
	switch ev.State {
	case rules.Firing:
		if !known {
			byID[ev.Alert] = len(all.Alerts)
			all.Alerts = append(all.Alerts, rules.RecordedAlert{Alert: ev.Alert, Rule: ev.Rule, Subject: ev.Subject, Since: ev.Since})
		}
	case rules.Resolved:
		if !known { // it began before
			i = len(all.Alerts)
			all.Alerts = append(all.Alerts, rules.RecordedAlert{Alert: ev.Alert, Rule: ev.Rule, Subject: ev.Subject, Since: ev.Since})
		}
		all.Alerts[i].End = ev.At
		if strings.HasPrefix(ev.Message.ZH, resetWords) {
			all.Resets = append(all.Resets, rules.ReplayReset{Rule: ev.Rule, Subject: ev.Subject, At: ev.At})
		}
	}
}
