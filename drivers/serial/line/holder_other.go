//go:build !linux

package line

import "fmt"

// A Holder is a program that has a serial port open.
type Holder struct {
	PID     int
	Program string
}

func (h Holder) String() string { return fmt.Sprintf("process %d (%s)", h.PID, h.Program) }

// HolderOf is not known on machines that only develop.
func HolderOf(string, ...int) (Holder, bool) { return Holder{}, false }
