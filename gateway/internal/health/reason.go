package health

import "fmt"

// Reasons is a set of causes of a lower score.
type Reasons uint32

// What can be wrong with a device. The numbers are saved: add at the end.
const (
	Missing    Reasons = 1 << iota // three reads in a row without an answer
	Fault                          // the device says that its sensor, or itself, is broken
	Expired                        // the device says that its sensor is past its life
	ZeroOff                        // a gas detector's zero is off by more than 3 %LEL
	Frozen                         // a camera's picture does not move
	Offline                        // a good part of the last 24 h without answers
	Late                           // many readings came late
	OutOfRange                     // values that cannot be
	Jumps                          // values that change faster than they can
	Stuck                          // a value that should move does not
	ZeroDrifts                     // a gas detector's zero is off by more than 2 %LEL
	Noisy                          // a gas detector's level is restless at night
	Voltage                        // a voltage outside 176–276 V
	Chatter                        // a door contact that toggles more than 3 times a minute
	DeadDoor                       // a contact that never moves although the door is used
	Collapsed                      // a camera's bitrate has collapsed
	Clock                          // the device's clock is off by more than 60 s
	Unbalanced                     // the ports' power does not add up to their feeder's
	Overdue                        // due for a test or too old
	last
)

// count of the reasons.
const count = 19

const (
	fails    = Missing | Fault | Expired | ZeroOff | Frozen
	suspects = OutOfRange | Jumps | Stuck | ZeroDrifts | Noisy | Voltage | Chatter | DeadDoor | Collapsed | Clock | Unbalanced
)

// word is a reason in both languages; the first argument is a share in per cent where it has one.
func (r Reasons) word(share float64) (zh, en string) {
	switch r {
	case Missing:
		return "没有应答", "does not answer"
	case Fault:
		return "自报故障", "reports a fault"
	case Expired:
		return "传感器到期", "sensor past its life"
	case ZeroOff:
		return "零点偏移超过 3 %LEL", "zero off by more than 3 %LEL"
	case Frozen:
		return "画面冻结", "picture frozen"
	case Offline:
		return fmt.Sprintf("近 24 小时离线 %.0f %%", share), fmt.Sprintf("offline %.0f %% of 24 h", share)
	case Late:
		return fmt.Sprintf("近 24 小时 %.0f %% 的读数迟到", share), fmt.Sprintf("%.0f %% of readings late in 24 h", share)
	case OutOfRange:
		return "数值超出合理范围", "values out of range"
	case Jumps:
		return "数值跳变", "values jump"
	case Stuck:
		return "数值不动", "value stuck"
	case ZeroDrifts:
		return "零点漂移超过 2 %LEL", "zero drifted by more than 2 %LEL"
	case Noisy:
		return "静止时噪声大", "noisy at rest"
	case Voltage:
		return "电压不在 176–276 V", "voltage outside 176–276 V"
	case Chatter:
		return "门磁抖动", "door contact chatters"
	case DeadDoor:
		return "门在用，门磁 7 天不动", "door used, contact unmoved for 7 days"
	case Collapsed:
		return "码流塌陷", "bitrate collapsed"
	case Clock:
		return "时钟偏差超过 60 s", "clock off by more than 60 s"
	case Unbalanced:
		return "各路之和与总表不符", "ports do not add up to the feeder"
	case Overdue:
		return "该测试或更换", "due for a test or replacement"
	}
	return "", ""
}
