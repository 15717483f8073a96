package enroll

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// States of a gateway's enrolment.
const (
	Invited    = "invited"  // a token waits
	Valid      = "valid"    // it has a certificate that counts
	Unused     = "unused"   // it has one and has not connected with it yet
	Late       = "late"     // it should have renewed its certificate
	Expired    = "expired"  // its certificate has expired
	AllowRenew = "renew_ok" // and a person lets it be renewed
	Ended      = "revoked"  // all of them were ended
	Lapsed     = "lapsed"   // a token has expired without use
	maxListed  = 5000
)

// A Standing is what there is to know of a gateway's enrolment.
type Standing struct {
	Gateway     string `json:"gateway"`
	Site        string `json:"site"`
	State       string `json:"state" enum:"invited,valid,unused,late,expired,renew_ok,revoked,lapsed"`
	Fingerprint string `json:"fingerprint,omitempty" doc:"of its newest certificate: SHA-256 in hex"`
	Serial      string `json:"serial,omitempty"`
	Issued      int64  `json:"issued,omitempty" doc:"Unix ms"`
	NotAfter    int64  `json:"notAfter,omitempty" doc:"Unix ms"`
	Used        int64  `json:"used,omitempty" doc:"first connection with it, Unix ms"`
	Ended       int64  `json:"ended,omitempty" doc:"Unix ms"`
	Why         string `json:"why,omitempty" doc:"why it ended: revoked, replaced, decommissioned"`
	TokenUntil  int64  `json:"tokenUntil,omitempty" doc:"end of a token that nobody has used, Unix ms"`
}

// List answers the standing of every gateway of a part of the street that has a certificate or a token, by id.
func List(ctx context.Context, q db.Querier, scope tree.Scope, now time.Time) ([]Standing, error) {
	where, args := scope.Sites("s.site")
	rows, err := q.QueryContext(ctx, `SELECT g.gateway, coalesce(s.site, ''), coalesce(c.fingerprint, ''), coalesce(c.serial, ''), coalesce(c.issued_at, 0), coalesce(c.not_after, 0),
			coalesce(c.used_at, 0), coalesce(c.renew_ok, 0), coalesce(c.ended_at, 0), coalesce(c.ended_why, ''), coalesce(t.expires_at, 0)
		FROM (SELECT gateway FROM certificates UNION SELECT gateway FROM enrolment_tokens) g
		LEFT JOIN certificates c ON c.fingerprint = (SELECT n.fingerprint FROM certificates n WHERE n.gateway = g.gateway ORDER BY n.issued_at DESC, n.fingerprint DESC LIMIT 1)
		LEFT JOIN enrolment_tokens t ON t.hash = (SELECT n.hash FROM enrolment_tokens n WHERE n.gateway = g.gateway AND n.ended_at = 0 ORDER BY n.made_at DESC LIMIT 1)
		LEFT JOIN (SELECT gw.id AS gateway, gw.site FROM gateways gw WHERE gw.site <> ''
			UNION ALL SELECT k.gateway, k.site FROM enrolment_tokens k WHERE k.hash = (SELECT n.hash FROM enrolment_tokens n WHERE n.gateway = k.gateway ORDER BY n.made_at DESC, n.hash LIMIT 1)
				AND NOT EXISTS (SELECT 1 FROM gateways gw WHERE gw.id = k.gateway AND gw.site <> '')) s ON s.gateway = g.gateway
		WHERE `+where+` ORDER BY g.gateway LIMIT ?`, append(args, maxListed)...)
	if err != nil {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	defer rows.Close()
	out := []Standing{}
	for rows.Next() {
		s, err := standing(rows, now)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func standing(rows *sql.Rows, now time.Time) (Standing, error) {
	var s Standing
	var renewOK int64
	if err := rows.Scan(&s.Gateway, &s.Site, &s.Fingerprint, &s.Serial, &s.Issued, &s.NotAfter, &s.Used, &renewOK, &s.Ended, &s.Why, &s.TokenUntil); err != nil {
		return s, fmt.Errorf("list certificates: %w", err)
	}
	c := certificate{issued: s.Issued, notAfter: s.NotAfter}
	switch {
	case s.Fingerprint != "" && s.Ended == 0 && s.NotAfter <= now.UnixMilli() && renewOK != 0:
		s.State = AllowRenew
	case s.Fingerprint != "" && s.Ended == 0 && s.NotAfter <= now.UnixMilli():
		s.State = Expired
	case s.Fingerprint != "" && s.Ended == 0 && stage(c, now) > 0:
		s.State = Late
	case s.Fingerprint != "" && s.Ended == 0 && s.Used == 0:
		s.State = Unused
	case s.Fingerprint != "" && s.Ended == 0:
		s.State = Valid
	case s.TokenUntil > now.UnixMilli():
		s.State = Invited
	case s.TokenUntil != 0 && s.Fingerprint == "":
		s.State = Lapsed
	default:
		s.State = Ended
	}
	return s, nil
}
