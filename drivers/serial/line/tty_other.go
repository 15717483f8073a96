//go:build !linux

package line

import (
	"errors"

	"github.com/linshao/linshao/drivers/device"
)

// set is not needed on machines that only develop: there every device speaks with the settings of its channel.
func (t *tty) set(device.Serial) error { return errors.ErrUnsupported }
