package command

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/rules"
)

// kindValve is the kind of devices that shut gas off.
const kindValve = "valve"

// A Wish is what a person wants moved.
type Wish struct {
	Gateway, Device, Point string
	Value                  float64
	Reason                 string
	Hold                   time.Duration // 0: as the gateway likes
	Incident               string        // for which it is done; empty: none
	Who                    string
}

func refused(code, zh, en string) *Refusal { return &Refusal{code, rules.Text{ZH: zh, EN: en}} }

// Make makes a command. The error is a *Refusal, or org.ErrUnknown.
func (s *Service) Make(ctx context.Context, w Wish) (id string, err error) {
	now := s.cfg.Now()
	c := Command{ID: "c" + strconv.FormatInt(now.UnixMilli(), 36) + strings.ToLower(rand.Text()[:12]), Gateway: w.Gateway, Device: w.Device, Point: w.Point, Value: w.Value,
		HoldMs: w.Hold.Milliseconds(), Reason: w.Reason, Incident: w.Incident, Issuer: w.Who, Made: now.UnixMilli()}
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		contact, err := s.check(ctx, tx, &c)
		if err != nil {
			return err
		}
		c.State, c.Due = Waiting, now.Add(approveTime).UnixMilli()
		if !c.Away {
			c.State, c.Due, c.session = Ready, now.Add(lifeTime).UnixMilli(), contact.Session
		}
		if err := insert(ctx, tx, c); err != nil {
			return err
		}
		what, err := incident.TargetWords(ctx, tx, c.Gateway, c.action())
		if err != nil {
			return err
		}
		text := join(incident.Text{ZH: "远程命令：", EN: "Command from afar: "}, what.ZH+"。理由："+c.Reason, what.EN+". Reason: "+c.Reason)
		if c.Away {
			text = join(text, "。离开安全状态，等第二个人批准（5 分钟内）", ". Away from safe: a second person must approve within 5 min")
		}
		if _, err := step(ctx, tx, c, CommandStep{"asked", c.Made, text, c.Issuer}); err != nil {
			return err
		}
		return audit.Add(ctx, tx, deed(c, "command.make", text))
	})
	if err != nil {
		return "", err
	}
	s.after(c)
	return c.ID, nil
}

// after tells those who go on with a command.
func (s *Service) after(c Command) {
	s.cfg.Watch(c.Gateway)
	s.signal()
	s.changed(c.Incident)
}

func deed(c Command, act string, text incident.Text) audit.Entry {
	return audit.Entry{Act: act, Kind: "command", About: c.ID, Site: c.Site, Text: rules.Text(text), Detail: map[string]string{"gateway": c.Gateway,
		"device": c.Device, "point": c.Point, "value": fmt.Sprint(c.Value), "incident": c.Incident, "reason": c.Reason}}
}

// check says whether a command can be made, and fills in what it needs to know of the site.
func (s *Service) check(ctx context.Context, tx *sql.Tx, c *Command) (contact org.Contact, err error) {
	d, err := org.OneDevice(ctx, tx, c.Gateway, c.Device)
	if err != nil {
		return contact, err
	}
	c.Site = d.Site
	if d.Kind == kindValve && c.Value != 0 {
		return contact, refused("valve", "燃气阀只能到现场手动打开，任何人都不能远程打开", "a gas valve is only ever opened by hand at the site, never from afar")
	}
	o, told, err := org.OutputOf(ctx, tx, c.Gateway, c.Device, c.Point)
	switch {
	case err != nil && !errors.Is(err, org.ErrUnknown):
		return contact, err
	case err != nil && told:
		return contact, refused("unwritable", "该点位不可写", "the point cannot be written")
	case err == nil && !slices.Contains(o.Allowed, c.Value):
		return contact, refused("value", fmt.Sprintf("该点位只能写 %v", o.Allowed), fmt.Sprintf("only %v can be written there", o.Allowed))
	}
	c.Away = o.Safe == nil || *o.Safe != c.Value
	if err := s.checkIncident(ctx, tx, c); err != nil {
		return contact, err
	}
	var live int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM commands WHERE live = 1 AND gateway = ?`, c.Gateway).Scan(&live); err != nil {
		return contact, fmt.Errorf("count commands of %s: %w", c.Gateway, err)
	}
	if live >= mostLive && c.Away { // toward safe is never refused
		return contact, refused("many", "该网关有太多命令没有结束，请稍后再试", "too many commands of this gateway are not over yet; try again in a moment")
	}
	return reach(ctx, tx, c.Gateway)
}

func (s *Service) checkIncident(ctx context.Context, tx *sql.Tx, c *Command) error {
	if c.Incident == "" {
		return nil
	}
	in, err := incident.Get(ctx, tx, c.Incident)
	if err != nil {
		return err
	}
	if in.Site != c.Site {
		return refused("incident", "该事件不在这个站点", "the incident is of another site")
	}
	return nil
}

// reach refuses what cannot be brought to a gateway now: nothing waits for its return.
func reach(ctx context.Context, q db.Querier, gateway string) (org.Contact, error) {
	contact, known, err := org.ContactOf(ctx, q, gateway)
	if err == nil && (!known || !contact.Online) {
		err = refused("offline", "网关不在线，命令不会排队等待；请联系现场", "the gateway is offline, and no command waits for its return; call the site")
	}
	return contact, err
}

// Approve lets a command away from safe go. The error is a *Refusal, or org.ErrUnknown.
func (s *Service) Approve(ctx context.Context, id, who string) error {
	var c Command
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		now := s.cfg.Now()
		if c, err = scan(tx.QueryRowContext(ctx, columns+`WHERE id = ?`, id)); err != nil {
			return err
		}
		switch {
		case c.State != Waiting:
			return refused("state", "这条命令不在等待批准", "the command does not wait for approval")
		case now.UnixMilli() > c.Due:
			return refused("late", "已超过 5 分钟，请重新发起", "the 5 minutes are over: make it anew")
		case samePerson(who, c.Issuer):
			return refused("same_person", "发起人不能自己批准，要由另一个人批准", "who made a command cannot approve it: another person must")
		}
		contact, err := reach(ctx, tx, c.Gateway)
		if err != nil {
			return err
		}
		c.State, c.Approver, c.session, c.Due = Ready, who, contact.Session, now.Add(lifeTime).UnixMilli()
		if err := save(ctx, tx, c); err != nil {
			return err
		}
		text := incident.Text{ZH: "由 " + who + " 批准", EN: "Approved by " + who}
		if _, err := step(ctx, tx, c, CommandStep{"approved", now.UnixMilli(), text, who}); err != nil {
			return err
		}
		return audit.Add(ctx, tx, deed(c, "command.approve", text))
	})
	if err == nil {
		s.after(c)
	}
	return err
}

// samePerson compares names as people write them.
func samePerson(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// Withdraw takes back a command that waits for approval. The error is a *Refusal, or org.ErrUnknown.
func (s *Service) Withdraw(ctx context.Context, id, who string) error {
	var c Command
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		if c, err = scan(tx.QueryRowContext(ctx, columns+`WHERE id = ?`, id)); err != nil {
			return err
		}
		if c.State != Waiting {
			return refused("state", "这条命令不在等待批准", "the command does not wait for approval")
		}
		text := rules.Text{ZH: "由 " + who + " 撤回", EN: "Withdrawn by " + who}
		if err := end(ctx, tx, &c, Withdrawn, text, who, s.cfg.Now()); err != nil {
			return err
		}
		return audit.Add(ctx, tx, deed(c, "command.withdraw", incident.Text(text)))
	})
	if err == nil {
		s.ended.WithLabelValues(Withdrawn).Inc()
		s.changed(c.Incident)
	}
	return err
}
