package rules

import (
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// reasonText says why a value is unknown.
func reasonText(r device.Reason) Text {
	zh := map[device.Reason]string{
		device.Timeout: "没有应答", device.Corrupt: "校验错", device.Mismatch: "应答不符", device.Refused: "设备拒绝", device.NoSuchPoint: "设备没有此点",
		device.ChannelDown: "总线断开", device.NotRead: "没有读到", device.Unsupported: "驱动不支持", device.OutOfRange: "超出合理范围",
		device.RateExceeded: "变化过快", device.Stuck: "长时间不变", device.SensorFault: "传感器故障", device.SensorExpired: "传感器到期",
		device.WarmingUp: "预热中", device.Shielded: "已屏蔽", device.OverRange: "超上限", device.UnderRange: "超下限", device.AuthFailed: "密码错误",
		device.Frozen: "画面冻结", device.DriverCrashed: "驱动崩溃", device.GatewayOff: "网关未运行", device.DeviceBusy: "设备忙",
	}[r]
	en := strings.ReplaceAll(r.String(), "_", " ")
	if zh == "" {
		zh = en
	}
	return Text{zh, en}
}
