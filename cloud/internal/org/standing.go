package org

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A GatewayState is what is known of a gateway as a machine. Times are Unix ms.
type GatewayState struct {
	ID        string `json:"id"`
	Site      string `json:"site"`
	SiteName  string `json:"siteName"`
	Zone      string `json:"timezone,omitempty"`
	Version   string `json:"version"`
	Online    bool   `json:"online"`
	Since     int64  `json:"since" doc:"of being online or not"`
	LastSeen  int64  `json:"lastSeen"`
	Devices   int    `json:"devices"`
	Silent    int    `json:"silent" doc:"devices that do not answer it"`
	SkewMs    *int64 `json:"skewMs" doc:"what its clock lacked of the cloud's when it connected last; of one that something keeps in step a minute or more, null: not known"`
	RoomS     int64  `json:"roomSeconds,omitempty" doc:"for how long it can keep what the cloud does not get, as it said last: from the moment it is cut off"`
	RoomAt    int64  `json:"roomAt,omitempty" doc:"when it said so; absent: it never did"`
	Config    string `json:"config,omitempty" doc:"hash of the configuration that it runs"`
	Rules     string `json:"rules,omitempty" doc:"hash of the rules in force, as it said last"`
	Emergency bool   `json:"emergency,omitempty" doc:"as it said last"`
	Gaps      int    `json:"gaps" doc:"times of which records are missing for good"`
}

// Gateways answers the gateways of a part of the street, those that are offline first, then by site.
func Gateways(ctx context.Context, q db.Querier, part Part) ([]GatewayState, error) {
	in, args := part.Sites("g.site")
	rows, err := q.QueryContext(ctx, `SELECT g.id, g.site, coalesce(s.name, g.site), coalesce(s.timezone, ''), g.version, g.online, g.since, g.last_seen, g.config,
		(SELECT count(*) FROM devices d WHERE d.gateway = g.id AND d.kind NOT IN ('gateway', 'channel')), (SELECT count(*) FROM devices d WHERE d.gateway = g.id AND d.kind NOT IN ('gateway', 'channel') AND d.online = 0),
		(SELECT CASE WHEN b.start_ms = 0 THEN NULL WHEN b.skew_ms = 0 AND abs(b.apart_ms) >= 60000 THEN b.apart_ms ELSE b.skew_ms END FROM boots b WHERE b.gateway = g.id AND b.boot = g.boot), g.room_s, g.room_at, coalesce(r.hash, ''), coalesce(r.emergency, 0), (SELECT count(*) FROM gaps p WHERE p.gateway = g.id)
		FROM gateways g LEFT JOIN sites s ON s.id = g.site LEFT JOIN gateway_rules r ON r.gateway = g.id WHERE `+in+` ORDER BY g.online, 3, g.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("list gateways: %w", err)
	}
	defer rows.Close()
	out := []GatewayState{}
	for rows.Next() {
		var g GatewayState
		if err := rows.Scan(&g.ID, &g.Site, &g.SiteName, &g.Zone, &g.Version, &g.Online, &g.Since, &g.LastSeen, &g.Config, &g.Devices, &g.Silent, &g.SkewMs, &g.RoomS, &g.RoomAt, &g.Rules, &g.Emergency, &g.Gaps); err != nil {
			return nil, fmt.Errorf("read gateway: %w", err)
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// Left is for how long a gateway can still keep what the cloud does not get, in ms; known is false when it never said. While it is
// cut off its room shrinks as time passes.
func (g GatewayState) Left(now int64) (ms int64, known bool) {
	ms = g.RoomS * 1000
	if !g.Online {
		ms -= now - g.Since
	}
	return max(ms, 0), g.RoomAt > 0
}
