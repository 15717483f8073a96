// Driver-rtsp is the child process in which the gateway watches cameras.
package main

import (
	"runtime/debug"

	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/drivers/sdk"
)

// collectAt is the garbage, in per cent of what lives, at which the collector runs. What lives is pictures, half a minute of each
// camera: large, and without a pointer to follow. To look through them often costs next to nothing; to let as much again die beside
// them would double the memory of the box.
const collectAt = 25

func main() {
	debug.SetGCPercent(collectAt)
	sdk.Serve(rtsp.Driver{Log: sdk.Log(), State: sdk.State(), Suspects: sdk.Suspects()})
}
