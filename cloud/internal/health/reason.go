package health

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// Told keeps what a gateway says of why a device is not well, within ingest's transaction; a notice of another kind is nothing.
func Told(ctx context.Context, tx *sql.Tx, gateway string, n *wire.Notice) error {
	if n.GetKind() != wire.NoticeSensorHealth || n.GetDevice() == "" {
		return nil
	}
	zh, en := behind(n.GetText().GetZh(), "："), behind(n.GetText().GetEn(), ": ")
	_, err := tx.ExecContext(ctx, `INSERT INTO health_reasons (gateway, device, at_ms, zh, en) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (gateway, device) DO UPDATE SET at_ms = excluded.at_ms, zh = excluded.zh, en = excluded.en WHERE excluded.at_ms >= health_reasons.at_ms`,
		gateway, n.GetDevice(), n.GetAtMs(), zh, en)
	if err != nil {
		return fmt.Errorf("note health of %s: %w", n.GetDevice(), err)
	}
	return nil
}

// behind is what stands behind the last mark: the sentence begins with the device and its scores.
func behind(s, mark string) string {
	if i := strings.LastIndex(s, mark); i >= 0 {
		return s[i+len(mark):]
	}
	return s
}

// told are the gateways' words by device.
type told map[[2]string]struct {
	text incident.Text
	at   int64
}

func readTold(ctx context.Context, q db.Querier, where string, args []any) (told, error) {
	out := told{}
	err := each(ctx, q, `SELECT r.gateway, r.device, r.at_ms, r.zh, r.en FROM health_reasons r JOIN gateways g ON g.id = r.gateway WHERE `+where, args, func(rows *sql.Rows) error {
		var key [2]string
		one := out[key]
		err := rows.Scan(&key[0], &key[1], &one.at, &one.text.ZH, &one.text.EN)
		out[key] = one
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read reasons of health: %w", err)
	}
	return out, nil
}

// reasons says in people's words why a view is not a good one.
func (t told) reasons(gateway string, s *sensor, v view) []incident.Text {
	out := []incident.Text{}
	add := func(zh, en string) { out = append(out, incident.Text{ZH: zh, EN: en}) }
	switch {
	case v.reason == device.GatewayOff:
		add("网关失联，之前的状态不再可信", "its gateway is silent: earlier readings no longer count")
	case v.state == Unknown:
		add("还没有收到它的任何消息", "nothing has been heard of it yet")
	case v.state == Offline:
		add("没有应答（"+reasonZH(v.reason)+"）", "does not answer ("+strings.ReplaceAll(v.reason.String(), "_", " ")+")")
	case v.state == Silent:
		add("超过上报间隔没有读数", "no readings for longer than its interval")
	}
	if share := (s.offlinePM + 5) / 10; share >= 5 && v.state != Unknown {
		add(fmt.Sprintf("近 24 小时离线 %d %%", share), fmt.Sprintf("offline %d %% of 24 h", share))
	}
	if one, ok := t[[2]string{gateway, s.id}]; ok && !v.own && v.score >= 0 && v.score < goodFrom {
		out = append(out, one.text)
	}
	if v.overdue {
		add("校准已过期", "calibration overdue")
	}
	return out
}

func reasonZH(r device.Reason) string {
	switch r {
	case device.Timeout:
		return "超时"
	case device.ChannelDown:
		return "线路不通"
	case device.NotRead:
		return "没有读到"
	case device.Refused:
		return "设备拒绝"
	case device.AuthFailed:
		return "账号或密码不对"
	case device.DriverCrashed:
		return "驱动程序退出"
	}
	return strings.ReplaceAll(r.String(), "_", " ")
}
