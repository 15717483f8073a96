package line

import "github.com/linshao/linshao/drivers/device"

// A Fault is what a device or a line did wrong during one exchange. The channel goes on; only the points of that exchange
// are bad, for the fault's reason. Every other error of this package means that the channel is gone.
type Fault struct {
	Reason device.Reason
	Detail string // for people: what was seen
	// Foreign: only others have spoken, so that the answer may yet come. It is waited for until its time-out.
	Foreign bool
}

func (f *Fault) Error() string { return f.Reason.String() + ": " + f.Detail }
