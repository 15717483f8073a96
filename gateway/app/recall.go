package app

import (
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

// recall gives the rules their memory back at the start: the snapshot, and the alert events behind it in the events log. Whatever
// is missing or damaged, the gateway starts with what there is, and says what is not.
type recall struct {
	engine *rules.Engine
	events *outbox.Log
	file   string
	log    *slog.Logger

	said  []rules.Text // what is missing
	newer time.Time    // only events after it are behind the snapshot; zero: all that are read
}

const (
	recallBytes = 256 << 10 // read from the log at a time
	recallTries = 3         // after as many failed reads in a row a log has given up the segment
)

// run answers what people must be told. The journal learns which alert events of earlier runs the cloud may lack.
func (r recall) run(j *journal) []rules.Text {
	from := r.restore()
	_, oldest, next := r.events.State()
	unsent := next - min(r.events.Stats().Backlog, next-1)
	if oldest > from && from > 1 {
		r.tell("事件 %d 到 %d 已被删掉，规则的记忆里没有它们", "events %d to %d have been deleted, and are not in the rules' memory", from, oldest-1)
	}
	var newest uint64
	taken := 0
	for at := max(min(from, unsent), oldest, 1); at < next; {
		records, err := r.read(at)
		if err != nil || len(records) == 0 {
			if err != nil {
				r.tell("从第 %d 条起读不到事件：%v", "events from %d on cannot be read: %v", at, err)
			}
			break
		}
		if first := records[0].Seq; first > at && first > from {
			r.tell("事件 %d 到 %d 不在了，规则的记忆里没有它们", "events %d to %d are gone, and are not in the rules' memory", max(at, from), first-1)
		}
		alerts, last := r.alerts(records, from)
		r.engine.Recover(alerts)
		taken += len(alerts)
		newest = max(newest, last)
		at = records[len(records)-1].Seq + 1
	}
	j.begin(r.events, newest)
	for _, text := range r.said {
		r.log.Warn("rules' memory", "problem", text.EN)
	}
	r.log.Info("rules' memory", "alerts", len(r.engine.Active()), "events", taken)
	return r.said
}

// restore takes up the newest snapshot that can be used, and answers the number of the first event behind it; 1 without one.
func (r *recall) restore() uint64 {
	found, problems := state.LoadSnapshots(r.file)
	epoch, _, next := r.events.State()
	for _, s := range found {
		if err := r.engine.Restore(s.Data); err != nil {
			problems = append(problems, err)
			continue
		}
		r.problems(problems)
		if len(problems) > 0 {
			r.tell("用了更早的一份（%s）", "the one before it is used, of %s", s.At.UTC().Format(time.RFC3339))
		}
		switch {
		case s.Epoch != epoch:
			r.tell("事件日志是新的，只取其中晚于 %s 的告警", "the events log is another one: alerts in it count when they are later than %s", s.At.UTC().Format(time.RFC3339))
		case s.Next > next:
			r.tell("事件日志比规则的记忆旧，只取其中晚于 %s 的告警", "the events log is older than the rules' memory: alerts in it count when they are later than %s", s.At.UTC().Format(time.RFC3339))
		default:
			return s.Next
		}
		r.newer = s.At
		return 1
	}
	r.problems(problems)
	if next > 1 {
		r.tell("没有可用的规则记忆：告警取自事件日志，充电过程从头开始", "the rules' memory is not there: alerts are taken from the events log, charging sessions begin anew")
	}
	return 1
}

func (r *recall) problems(errs []error) {
	for _, err := range errs {
		r.tell("规则的记忆读不出来：%v", "the rules' memory cannot be used: %v", err)
	}
}

func (r *recall) tell(zh, en string, args ...any) {
	r.said = append(r.said, rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)})
}

func (r *recall) read(from uint64) (records []outbox.Record, err error) {
	for range recallTries {
		if records, err = r.events.Read(from, recallBytes); err == nil {
			break
		}
	}
	return records, err
}

// alerts are the alert events among records; those below a number only count for the newest one's number.
func (r *recall) alerts(records []outbox.Record, from uint64) (events []rules.AlertEvent, newest uint64) {
	for _, record := range records {
		var e wire.Event
		if record.Type != wire.TypeEvent || proto.Unmarshal(record.Payload, &e) != nil || e.GetAlert() == nil {
			continue
		}
		newest = record.Seq
		if record.Seq >= from && e.GetAlert().Event().At.After(r.newer) {
			events = append(events, e.GetAlert().Event())
		}
	}
	return events, newest
}
