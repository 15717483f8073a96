// Driver-rtsp is the child process in which the gateway watches cameras.
package main

import (
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/drivers/sdk"
)

func main() { sdk.Serve(rtsp.Driver{Log: sdk.Log(), State: sdk.State(), Suspects: sdk.Suspects()}) }
