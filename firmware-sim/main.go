// Command firmware-sim plays the field side of a site on one machine: Modbus, DL/T 645 and RTSP devices that behave,
// and misbehave, as real ones do.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/linshao/linshao/firmware-sim/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c app.CLI
	k := kong.Parse(&c, kong.Name("firmware-sim"), kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}
