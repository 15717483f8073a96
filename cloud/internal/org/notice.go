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

// Notice writes into the journal what a gateway noticed of a device or a line, under its kind on the wire.
func Notice(ctx context.Context, tx *sql.Tx, gateway string, n *wire.Notice) error {
	kind, about := n.GetKind(), cmp.Or(n.GetDevice(), n.GetChannel())
	if !slices.Contains(wire.NoticeKinds(), kind) {
		kind = FieldNotice
	}
	text := rules.Text{ZH: n.GetText().GetZh(), EN: n.GetText().GetEn()}
	if about != "" {
		text.ZH, text.EN = about+"："+text.ZH, about+": "+text.EN
	}
	return Note(ctx, tx, Entry{At: time.UnixMilli(n.GetAtMs()), Gateway: gateway, Device: n.GetDevice(), Kind: kind, Text: text})
}
