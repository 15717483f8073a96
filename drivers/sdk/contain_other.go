//go:build !linux

package sdk

import (
	"os"
	"os/exec"
)

// Elsewhere than on Linux a driver still runs out of process, but is less contained: no process group, no parent-death
// signal (the child's own look at its parent remains), no limit on memory but GOMEMLIMIT.

func contain(*exec.Cmd) {}

func killGroup(p *os.Process) { _ = p.Kill() }

func awaitExit(_ int, waited <-chan struct{}) { <-waited }

func yieldToOOM(int) {}

func resident(int) int64 { return 0 }

// confine is Linux's alone.
func confine(int, int64) {}
