// Cloud takes what gateways send, keeps it, turns alerts into work, tells people, and serves the page.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // sites have time zones; a small machine may have no list of them

	"github.com/alecthomas/kong"
)

func main() {
	var cli struct {
		Run   runCmd `cmd:"" help:"Run the cloud."`
		Check struct {
			Config checkCmd `cmd:"" help:"Check a configuration; every mistake is told with its place."`
		} `cmd:"" help:"Check files."`
		Calibration struct {
			Import calibrationImportCmd `cmd:"" help:"Take a CSV or YAML file of when devices were calibrated and are due again. What is wrong is told by line and left out."`
		} `cmd:"" help:"When devices were calibrated."`
		Gateway struct {
			Enroll       enrollCmd        `cmd:"" help:"Make a one-time token with which a gateway takes its certificate."`
			List         gatewaysCmd      `cmd:"" help:"Show gateways and the state of their certificates."`
			Revoke       revokeCmd        `cmd:"" help:"End all certificates and tokens of a gateway: its connection ends in the same second."`
			RenewOK      renewOKCmd       `cmd:"" name:"renew-ok" help:"Let a gateway renew a certificate that has expired, within 30 days of its end."`
			Config       gatewayConfigCmd `cmd:"" help:"Rules, profiles, devices and overrides that gateways are to have beside their own files."`
			Decommission decommissionCmd  `cmd:"" help:"Take a gateway out of service: it leaves its site, and its next new log is no loss."`
		} `cmd:"" help:"Manage gateways."`
		Update   updateCmd   `cmd:"" help:"Programs for gateways: publish them, roll them out ring by ring."`
		Audit    auditCmd    `cmd:"" help:"What people did."`
		Evidence evidenceCmd `cmd:"" help:"What cameras and meters saw at alerts."`
		Notify   struct {
			Test notifyTestCmd `cmd:"" help:"Send a test message to a receiver, and show what it answers."`
		} `cmd:"" help:"Look after receivers."`
		CA     caCmd `cmd:"" name:"ca" help:"The small CA that signs gateways."`
		Broker struct {
			Files brokerFilesCmd `cmd:"" help:"Write what keeps gateways to their own topics at mosquitto: rights, revoked certificates, a configuration to include."`
		} `cmd:"" help:"Look after a broker that is not the embedded one."`
		CommandKey commandKeyCmd `cmd:"" help:"Print the public key with which the cloud signs commands, for trust.command_key of gateways."`
		Org        orgCmd        `cmd:"" help:"The organisation: street, communities, grids, compounds, and who answers for them."`
		Person     personCmd     `cmd:"" help:"What is held about a person: a copy of it, and its erasure."`
		User       userCmd       `cmd:"" help:"Who may use the page, and what each may do where."`
		Report     reportCmd     `cmd:"" help:"Write how incidents were dealt with in a month: a page to print, CSV or JSON."`
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	k := kong.Parse(&cli, kong.Name("cloud"), kong.Description("The cloud of Linshao 邻哨."), kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}
