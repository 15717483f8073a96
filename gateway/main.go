// Gateway reads the devices of one compound, runs its rules on the spot, and keeps every reading until the cloud has it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // a gateway's system may have no time zones

	"github.com/alecthomas/kong"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return command(ctx, args)
}

func command(ctx context.Context, args []string) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("gateway"), kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		panic(err) // the commands above are wrong: a bug
	}
	call, err := parser.Parse(args)
	if err != nil {
		parser.Errorf("%s", err)
		return exitUsage
	}
	err = call.Run(c.language())
	var e exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		if e.err != nil {
			fmt.Fprintln(os.Stderr, "gateway:", e.err)
		}
		return e.code
	}
	fmt.Fprintln(os.Stderr, "gateway:", err)
	return exitDevice
}
