package org

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

const mostCause = 200 // runes of what a gateway's system said

// Storage notes in the journal that a gateway's disk takes nothing, or takes everything again.
func Storage(ctx context.Context, tx *sql.Tx, gateway string, s *wire.Storage) error {
	e := Entry{At: time.UnixMilli(s.GetAtMs()), Gateway: gateway, Kind: StorageWell}
	cause := []rune(s.GetCause())
	said := string(cause[:min(len(cause), mostCause)])
	if s.GetDegraded() {
		e.At, e.Kind = time.UnixMilli(s.GetSinceMs()), StorageBad
		e.Text = rules.Text{ZH: "网关的存储写不进去，读数和事件只在内存里，断电会丢。请换存储卡。系统说：" + said,
			EN: "The gateway's disk takes nothing: readings and events are in memory only, and a power cut loses them. Replace the card. The system says: " + said}
		return Note(ctx, tx, e)
	}
	zh, en := lasted(time.Duration(max(0, s.GetAtMs()-s.GetSinceMs())) * time.Millisecond)
	e.Text = rules.Text{ZH: "网关的存储又能写了，之前有" + zh + "写不进去。丢了什么，缺口里写着。请换存储卡。",
		EN: "The gateway's disk takes everything again, after " + en + " in which it took nothing. What was lost is told as gaps. Replace the card."}
	return Note(ctx, tx, e)
}

// lasted is a duration in words.
func lasted(d time.Duration) (zh, en string) {
	switch {
	case d < 2*time.Minute:
		n := int(d.Seconds())
		return fmt.Sprintf(" %d 秒", n), fmt.Sprintf("%d s", n)
	case d < 2*time.Hour:
		n := int(d.Minutes())
		return fmt.Sprintf(" %d 分钟", n), fmt.Sprintf("%d min", n)
	}
	n := int(d.Hours())
	return fmt.Sprintf(" %d 小时", n), fmt.Sprintf("%d h", n)
}
