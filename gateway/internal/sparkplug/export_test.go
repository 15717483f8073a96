package sparkplug

import "github.com/linshao/linshao/drivers/device"

// Birth is the payload that holds the birth of one point.
func Birth(p device.Point, alias uint64, r device.Reading) []byte {
	return payload(0, 0, birth(p, alias, r))
}

// WantsRebirth reads a node command.
func WantsRebirth(b []byte) bool { return wantsRebirth(b) }
