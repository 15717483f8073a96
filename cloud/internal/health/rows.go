package health

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
)

// seen is a sensor with what it is seen as.
type seen struct {
	at *one
	s  sensor
	v  view
}

// rank orders by how much a device needs somebody: worst state, then lowest score, then longest.
func (n seen) rank(o seen) int {
	if c := cmp.Compare(n.score(), o.score()); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(n.v.sinceMs, o.v.sinceMs), cmp.Compare(n.at.gateway, o.at.gateway), cmp.Compare(n.s.id, o.s.id))
}

// score of a device of which none is known is the lowest: nobody sees it.
func (n seen) score() int { return n.v.score }

// A Filter picks devices.
type Filter struct {
	State string // empty: all but good ones; overdue: of any state, when their calibration is overdue
	Kind  string // empty: all
	Limit int
}

// Overdue picks devices whose calibration is overdue, of any state.
const Overdue = "overdue"

func (f Filter) takes(v view, silent int64) bool {
	switch f.State {
	case "":
		return v.state != Good && silent == 0
	case Overdue:
		return v.overdue
	}
	return v.state == f.State
}

// Worst answers the devices that need somebody most, those that nobody can see first. A gateway that is silent stands for its
// devices: they are left out unless their state is asked for.
func Worst(ctx context.Context, q db.Querier, a Ask, f Filter) ([]DeviceHealth, error) {
	now, today := a.Now.UnixMilli(), a.today()
	var worst []seen
	err := a.read(ctx, q, func(o one) {
		silent := o.silent(now, SilentAfter.Milliseconds())
		at := &one{contact: o.contact, siteName: o.siteName}
		for i := range o.sensors {
			n := &o.sensors[i]
			if f.Kind != "" && n.kind != f.Kind {
				continue
			}
			v := n.see(now, silent, today)
			if !f.takes(v, silent) {
				continue
			}
			worst = append(worst, seen{at, *n, v})
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(worst, seen.rank)
	return fill(ctx, q, worst[:min(len(worst), f.Limit)])
}

// All answers all devices that a question is about, in the order of the gateways' files.
func All(ctx context.Context, q db.Querier, a Ask) ([]DeviceHealth, error) {
	now, today := a.Now.UnixMilli(), a.today()
	var all []seen
	err := a.read(ctx, q, func(o one) {
		at := &one{contact: o.contact, siteName: o.siteName}
		for _, n := range o.sensors {
			all = append(all, seen{at, n, n.see(now, o.silent(now, SilentAfter.Milliseconds()), today)})
		}
	})
	if err != nil {
		return nil, err
	}
	return fill(ctx, q, all)
}

// fill gives devices their names and the reasons.
func fill(ctx context.Context, q db.Querier, all []seen) ([]DeviceHealth, error) {
	gateways := map[string]bool{}
	var args []any
	for _, n := range all {
		if !gateways[n.at.gateway] {
			gateways[n.at.gateway] = true
			args = append(args, n.at.gateway)
		}
	}
	out := make([]DeviceHealth, 0, len(all))
	if len(args) == 0 {
		return out, nil
	}
	in := `IN (` + strings.Repeat(", ?", len(args))[2:] + `)`
	words, err := readTold(ctx, q, `g.id `+in, args)
	if err != nil {
		return nil, err
	}
	names := map[[2]string][2]string{}
	err = each(ctx, q, `SELECT gateway, id, name, place FROM devices WHERE gateway `+in, args, func(rows *sql.Rows) error {
		var key, name [2]string
		err := rows.Scan(&key[0], &key[1], &name[0], &name[1])
		names[key] = name
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read names of devices: %w", err)
	}
	for i := range all {
		n := &all[i]
		name := names[[2]string{n.at.gateway, n.s.id}]
		r := DeviceHealth{Gateway: n.at.gateway, Device: n.s.id, Name: cmp.Or(name[0], n.s.id), Kind: n.s.kind, Place: name[1], Zone: n.s.zone, Site: n.at.site, SiteName: n.at.siteName,
			State: n.v.state, Trust: n.v.trust, Since: n.v.sinceMs, Own: n.v.own, Reasons: words.reasons(n.at.gateway, &n.s, n.v), Reason: n.v.reason.String(), Due: dayOfNumber(n.s.due), Overdue: n.v.overdue}
		if n.v.ageMs >= 0 {
			r.AgeMs = &n.v.ageMs
		}
		if n.v.score >= 0 {
			r.Score = &n.v.score
		}
		out = append(out, r)
	}
	return out, nil
}
