// Package rules decides when a site's people must act. It reads rules from YAML, checks their expressions at load, and
// turns readings and ticks into alert events. The gateway runs it live; `gateway rules test` and a replay run the same code.
//
// It promises: no goroutine, no clock, no I/O; time comes with the readings and with Tick. An input that is not good, or
// too old, is unknown, never zero and never its last value. The same input twice gives the same events. Judging a
// reading allocates nothing unless an alert changes. An Engine belongs to one goroutine. DESIGN.md says why it is so.
package rules
