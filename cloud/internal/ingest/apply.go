package ingest

import (
	"context"
	"database/sql"

	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// apply carries out one event, once.
func (s *Service) apply(ctx context.Context, tx *sql.Tx, c *inbox.Cursor, it *item, out *outcome) error {
	switch kind := it.event.GetKind().(type) {
	case *wire.Event_Alert:
		apply := s.cfg.Incidents.Apply
		if it.late {
			apply = s.cfg.Incidents.ApplyLate
		}
		event := kind.Alert.Event()
		if err := org.RuleSeen(ctx, tx, c.Gateway, event); err != nil {
			return err
		}
		id, err := apply(ctx, tx, c.Gateway, event)
		return out.incident(id, err)
	case *wire.Event_Action:
		if s.cfg.Commands != nil && kind.Action.GetCommand() != "" {
			id, err := s.cfg.Commands.Result(ctx, tx, c.Gateway, kind.Action)
			return out.incident(id, err)
		}
		id, err := s.cfg.Incidents.Action(ctx, tx, c.Gateway, kind.Action)
		return out.incident(id, err)
	case *wire.Event_Device:
		out.gateway = true
		return org.DeviceState(ctx, tx, c.Gateway, kind.Device)
	case *wire.Event_Inventory:
		out.gateway = true
		if err := org.Apply(ctx, tx, c.Gateway, kind.Inventory); err != nil {
			return err
		}
		return org.Rename(ctx, tx, s.cfg.Names)
	case *wire.Event_Gap:
		return s.gap(ctx, tx, c, kind.Gap)
	case *wire.Event_Storage:
		return org.Storage(ctx, tx, c.Gateway, kind.Storage)
	case *wire.Event_Rules:
		return org.RulesChange(ctx, tx, c.Gateway, kind.Rules)
	case *wire.Event_Applied, *wire.Event_Config, *wire.Event_Update:
		return s.answered(ctx, tx, c.Gateway, it.event)
	case *wire.Event_Taken:
		if s.cfg.Evidence == nil {
			return nil
		}
		return out.incident(s.cfg.Evidence.Taken(ctx, tx, c.Gateway, kind.Taken))
	case *wire.Event_Notice:
		if err := health.Told(ctx, tx, c.Gateway, kind.Notice); err != nil {
			return err
		}
		return org.Notice(ctx, tx, c.Gateway, kind.Notice)
	}
	return nil // a start of the gateway, or a kind that this program does not know yet: it is kept
}

func (o *outcome) incident(id string, err error) error {
	if err == nil && id != "" {
		o.incidents = append(o.incidents, id)
	}
	return err
}

// gap notes records that no longer exist, and moves the cursor of their stream if it stands before them.
func (s *Service) gap(ctx context.Context, tx *sql.Tx, here *inbox.Cursor, g *wire.Gap) error {
	c := inbox.Cursor{Gateway: here.Gateway, Stream: g.GetStream(), Epoch: g.GetEpoch()}
	if err := inbox.AddGap(ctx, tx, c, gapOf(g)); err != nil {
		return err
	}
	if c.Stream == here.Stream && c.Epoch == here.Epoch {
		return nil // its own cursor is on the way, and is past it already
	}
	c, known, err := inbox.Find(ctx, tx, c)
	if err != nil || !known {
		return err
	}
	before := c.Cum
	if c, err = inbox.SkipGaps(ctx, tx, c); err != nil || c.Cum == before {
		return err
	}
	return inbox.Save(ctx, tx, c)
}

// answered takes what a gateway says to what the cloud wants of it: its mode, configuration, program.
func (s *Service) answered(ctx context.Context, tx *sql.Tx, gateway string, e *wire.Event) error {
	switch kind := e.GetKind().(type) {
	case *wire.Event_Applied:
		if s.cfg.Commands != nil {
			return s.cfg.Commands.Applied(ctx, tx, gateway, kind.Applied)
		}
	case *wire.Event_Config:
		if s.cfg.Pushes != nil {
			return s.cfg.Pushes.ConfigState(ctx, tx, gateway, kind.Config)
		}
	case *wire.Event_Update:
		if s.cfg.Rollout != nil {
			return s.cfg.Rollout.UpdateState(ctx, tx, gateway, kind.Update)
		}
	}
	return nil
}
