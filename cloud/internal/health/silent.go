package health

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/rules"
)

// outage is one of a gateway that an incident is to begin or to end for.
type outage struct {
	gateway, name, subject string
	fromMs, toMs           int64
	ends                   bool
}

// TellSilent makes an incident of each gateway that has been silent for Config.Tell, once an outage, and ends its condition when
// the gateway is back or out of service. What it does and what it notes is one transaction, so that several workers, and a stop
// at any moment, neither forget nor double one. A cloud that has just started waits until gateways could find it again.
func (s *Service) TellSilent(ctx context.Context) error {
	now := s.cfg.Now()
	begin, err := s.outages(ctx, `FROM outages o JOIN gateways g ON g.id = o.gateway
		WHERE o.to_ms IS NULL AND o.from_ms <= ? AND g.retired = 0 AND g.online = 0
		AND NOT EXISTS (SELECT 1 FROM silences s WHERE s.gateway = o.gateway AND s.from_ms = o.from_ms)`, now.Add(-s.cfg.Tell).UnixMilli())
	if err != nil {
		return err
	}
	if now.Sub(s.started) < s.cfg.Tell {
		begin = nil
	}
	end, err := s.outages(ctx, `FROM silences s JOIN gateways g ON g.id = s.gateway JOIN outages o ON o.gateway = s.gateway AND o.from_ms = s.from_ms
		WHERE s.ended = 0 AND o.to_ms IS NOT NULL AND 0 = ?`, 0)
	if err != nil {
		return err
	}
	for i := range end {
		end[i].ends = true
	}
	for _, o := range append(begin, end...) {
		if s.cfg.Lease != nil && !s.cfg.Lease.Mine(o.gateway) {
			continue
		}
		if err := s.tellOne(ctx, o, now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) outages(ctx context.Context, from string, arg int64) ([]outage, error) {
	var out []outage
	err := each(ctx, s.cfg.DB.Reader(), `SELECT o.gateway, o.from_ms, coalesce(o.to_ms, 0),
		coalesce((SELECT min(d.id) FROM devices d WHERE d.gateway = g.id AND d.kind = '`+self+`'), g.id),
		coalesce((SELECT t.name FROM sites t WHERE t.id = g.site), g.site) `+from+` ORDER BY o.from_ms, o.gateway`, []any{arg}, func(rows *sql.Rows) error {
		var o outage
		err := rows.Scan(&o.gateway, &o.fromMs, &o.toMs, &o.subject, &o.name)
		out = append(out, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find silent gateways: %w", err)
	}
	return out, nil
}

func (s *Service) tellOne(ctx context.Context, o outage, now time.Time) error {
	var id string
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		id = ""
		mark, args := `INSERT INTO silences (gateway, from_ms, ended) SELECT o.gateway, o.from_ms, 0 FROM outages o
			WHERE o.gateway = ? AND o.from_ms = ? AND o.to_ms IS NULL ON CONFLICT (gateway, from_ms) DO NOTHING`, []any{o.gateway, o.fromMs}
		if o.ends {
			mark = `UPDATE silences SET ended = 1 WHERE gateway = ? AND from_ms = ? AND ended = 0`
		}
		res, err := tx.ExecContext(ctx, mark, args...)
		if err != nil {
			return fmt.Errorf("note silence of %s: %w", o.gateway, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err // another worker was faster, or it is back
		}
		id, err = s.cfg.Incidents.Apply(ctx, tx, o.gateway, o.event(now))
		return err
	})
	if err == nil && id != "" && s.cfg.Changed != nil {
		s.cfg.Changed(id)
	}
	return err
}

// event is what an incident is made of, in the words of a gateway's alert.
func (o outage) event(now time.Time) rules.AlertEvent {
	e := rules.AlertEvent{Alert: incident.GatewaySilent + "/" + strconv.FormatInt(o.fromMs, 10), Rule: incident.GatewaySilent, Subject: o.subject, Severity: rules.SeverityB,
		State: rules.Firing, Since: time.UnixMilli(o.fromMs), At: now,
		Title: rules.Text{ZH: "网关失联", EN: "Gateway silent"},
		Message: rules.Text{ZH: o.name + " 的网关 " + o.gateway + " 已失联：本站的告警和数据暂时到不了街道，就地规则和联动照常。",
			EN: o.name + ": gateway " + o.gateway + " does not report. Alerts and readings of the site do not reach the street; its own rules and actions go on."},
		Card: []rules.Text{
			{ZH: "给物业打电话：是否停电、断网", EN: "Call the property: is there power, is there a network?"},
			{ZH: "看网关电源灯和网络灯；拔插网线或流量卡", EN: "Look at the gateway's power and network lights; reconnect cable or SIM"},
			{ZH: "恢复前安排人员巡查燃气和充电区域", EN: "Until it is back, have gas and charging areas patrolled"},
		}}
	if o.ends {
		e.State, e.At = rules.Resolved, time.UnixMilli(o.toMs)
	}
	return e
}
