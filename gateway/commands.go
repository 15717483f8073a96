package main

import (
	"os"
	"strings"

	"github.com/linshao/linshao/gateway/internal/config"
)

// Exit codes, the same for every command.
const (
	exitOK      = 0
	exitFinding = 1   // something was checked and is wrong
	exitUsage   = 2   // the command line
	exitDevice  = 3   // a device or a file could not be used
	exitRefused = 4   // refused for safety
	exitSignal  = 130 // stopped by the user
)

// cli are the commands; each is a file of this folder.
type cli struct {
	Lang     string      `help:"Language of messages: zh or en. Default: that of LANG." enum:"zh,en," default:""`
	Run      runCmd      `cmd:"" help:"Run the gateway until it is told to stop."`
	Check    checkCmd    `cmd:"" help:"Check files; touches no device."`
	Plan     planCmd     `cmd:"" help:"Print how the time of each line will be used: requests, bytes, one round, utilisation, who takes most. Touches no device. Exit code: 0 printed, 1 a line cannot carry its devices, 2 there is no such channel."`
	Read     readCmd     `cmd:"" help:"Read a device, once or again and again. Exit code: 0 something was read, 1 the display shows otherwise, 2 there is no such device, 3 it does not answer, 4 another program has the port, 130 stopped."`
	Enroll   enrollCmd   `cmd:"" help:"Make this gateway's key and take its certificate from the cloud, with the token that an administrator gives (cloud gateway enroll). Exit code: 0 done, 1 refused, 2 the token or the site is wrong, 3 the cloud or a file could not be used."`
	Claim    claimCmd    `cmd:"" help:"Add found devices to the site, and let the running gateway take them up. Exit code: 0 done, 1 refused because of a mistake, 4 written, but the gateway is needed now."`
	Unclaim  unclaimCmd  `cmd:"" help:"Take a claimed device out again."`
	Scan     scanCmd     `cmd:"" help:"Look who answers on a line, and what it may be. Reads only. Exit code: 0 all right, 1 a finding, 2 the question is wrong, 3 nobody answers or the port cannot be used, 4 another program has the port, 130 stopped."`
	Probe    probeCmd    `cmd:"" help:"Read a device of which no register map is known, register by register. Reads only. Exit code: 0 there are registers, 2 the question is wrong, 3 nothing answers, 4 another program has the port, 130 stopped."`
	Sheet    sheetCmd    `cmd:"" name:"handover" help:"Print the hand-over sheet as an HTML page for paper. Exit code: 0 fit to be handed over, 1 printed, with open problems."`
	Rules    rulesCmd    `cmd:"" help:"Work on rules."`
	Profile  profileCmd  `cmd:"" help:"Look at device models and test their register maps."`
	History  historyCmd  `cmd:"" help:"Print what was kept of a device, whether the gateway runs or not. Exit code: 0 something was printed, 1 nothing is kept, 2 the question is wrong, 3 cannot be read."`
	Log      logCmd      `cmd:"" help:"Look at the logs of what the cloud does not have yet."`
	Evidence evidenceCmd `cmd:"" help:"Look at what cameras and meters saw at alerts, and take it away."`
	Doctor   doctorCmd   `cmd:"" help:"Look for what is wrong: clock, disk, ports, lines, uplink, certificates. Exit code: 0 nothing, 1 something, 3 nothing could be looked at."`
	Update   updateCmd   `cmd:"" help:"Replace the gateway's program by a signed one, look how that goes, take it back."`
	Code     codeCmd     `cmd:"" help:"Print the claim code that opens the gateway's own pages."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// An exit is an error with its exit code; without a text, what there is to say has been said.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// language is what the user asked for, or what the terminal speaks.
func (c cli) language() config.Language {
	for _, word := range []string{c.Lang, os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")} {
		switch {
		case strings.HasPrefix(word, "zh"):
			return config.Chinese
		case word != "":
			return config.English
		}
	}
	return config.English
}
