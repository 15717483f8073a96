package commission

import (
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// ReasonText says why a value that was read on the spot is not good, in an installer's words.
func ReasonText(r device.Reason) Text {
	zh := map[device.Reason]string{device.Timeout: "没有应答", device.Corrupt: "应答损坏", device.Mismatch: "答非所问", device.Refused: "设备拒绝",
		device.NoSuchPoint: "设备没有此点", device.ChannelDown: "总线断开", device.NotRead: "没有读", device.Unsupported: "驱动不支持",
		device.OutOfRange: "超出合理范围", device.RateExceeded: "变化过快", device.SensorFault: "传感器故障", device.WarmingUp: "预热中",
		device.Shielded: "已屏蔽", device.OverRange: "超上限", device.UnderRange: "超下限", device.AuthFailed: "密码错误", device.DeviceBusy: "设备忙"}[r]
	en := strings.ReplaceAll(r.String(), "_", " ")
	if zh == "" {
		zh = en
	}
	return Text{zh, en}
}
