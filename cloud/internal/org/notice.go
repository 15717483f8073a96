package org

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// noticeKinds are the journal's words for what a gateway tells of its field side, the same as on the wire.
func noticeKinds() []string {
	return []string{"device_swapped", "line_overloaded", "line_keeps_up", "missed_alarm", "sensor_health", "commissioned"}
}

// Notice writes into the journal what a gateway noticed of a device or a line.
func Notice(ctx context.Context, tx *sql.Tx, gateway string, n *wire.Notice) error {
	kind, about := n.GetKind(), cmp.Or(n.GetDevice(), n.GetChannel())
	if !slices.Contains(noticeKinds(), kind) {
		kind = FieldNotice
	}
	text := rules.Text{ZH: n.GetText().GetZh(), EN: n.GetText().GetEn()}
	if about != "" {
		text.ZH, text.EN = about+"："+text.ZH, about+": "+text.EN
	}
	return Note(ctx, tx, Entry{At: time.UnixMilli(n.GetAtMs()), Gateway: gateway, Kind: kind, Text: text})
}
