package gashistory

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// Sort is a kind of record.
type Sort byte

// Sorts of records, by their number on the wire. The least that a detector keeps by the standard are 200, 200, 100, 100, 50 and 50: the
// oldest make room, so a full log counts no further.
const (
	Alarm Sort = 1 + iota
	Restore
	Fault
	FaultRestore
	PowerOff
	PowerOn
)

// Questions beside the records.
const (
	askCounts = 0
	askExpiry = 7
	askClock  = 8
)

// Spaces of a detector: what a point's `at` begins with.
const (
	spaceCount   = "count"        // SORT: how many records there are
	spaceNewest  = "newest"       // SORT: when the newest was, in seconds since 1970; 0: there is none
	spaceRecord  = "record"       // SORT N: when record N was, in seconds since 1970
	spaceExpired = "expired"      // 1: the sensor is past its life
	spaceExpiry  = "expired_at"   // since when, in seconds since 1970; 0: it is not
	spaceOffset  = "clock_offset" // of the detector's clock, in seconds; above 0 it is ahead. It shows minutes: within ±30 s
)

// sortNames are the words of profiles, in the order of the wire.
func sortNames() []string {
	return []string{"alarm", "restore", "fault", "fault_restore", "power_off", "power_on"}
}

// Record is where record n of a sort stands, from 1; by which number the newest has, detectors differ.
func Record(s Sort, n int) device.Register {
	return device.Register{Space: spaceRecord, Addr: uint32(s)<<8 | uint32(n&0xFF)}
}

// Count is where the number of records of a sort stands.
func Count(s Sort) device.Register { return device.Register{Space: spaceCount, Addr: uint32(s) << 8} }

// Offset is where the offset of the clock stands.
func Offset() device.Register { return device.Register{Space: spaceOffset} }

// ParsePlace reads where a point stands in a detector, such as "count alarm" or clock_offset, for profiles.
func ParsePlace(at string) (space string, addr uint32, err error) {
	words := strings.Fields(at)
	if len(words) == 0 {
		words = []string{""}
	}
	space = words[0]
	want := map[string]int{spaceCount: 2, spaceNewest: 2, spaceRecord: 3, spaceExpired: 1, spaceExpiry: 1, spaceOffset: 1}[space]
	if want != len(words) {
		return "", 0, fmt.Errorf("parse place %q: such as count alarm, newest alarm, record alarm 1, expired or clock_offset", at)
	}
	if want > 1 {
		n := slices.Index(sortNames(), words[1])
		if n < 0 {
			return "", 0, fmt.Errorf("parse place %q: there are records of %s", at, strings.Join(sortNames(), ", "))
		}
		addr = uint32(n+1) << 8
	}
	if want > 2 {
		n, err := strconv.ParseUint(words[2], 10, 8)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("parse place %q: a record's number is 1 to 255", at)
		}
		addr |= uint32(n)
	}
	return space, addr, nil
}

// CheckPoint says what keeps a point from ever being read by the driver, in a sentence for the one who wrote the profile; nil when
// nothing does.
func CheckPoint(p device.Point) error {
	if err := checkPlace(p.Register); err != nil {
		return fmt.Errorf("point %s: %w", p.Name, err)
	}
	if len(p.Writable) > 0 {
		return fmt.Errorf("point %s: a detector's log cannot be written", p.Name)
	}
	return nil
}

func checkPlace(r device.Register) error {
	s, n := Sort(r.Addr>>8), byte(r.Addr)
	sorted := r.Addr>>8 <= uint32(PowerOn) && s >= Alarm
	switch r.Space {
	case spaceExpired, spaceExpiry, spaceOffset:
		if r.Addr == 0 {
			return nil
		}
	case spaceCount, spaceNewest:
		if sorted && n == 0 {
			return nil
		}
	case spaceRecord:
		if sorted && n > 0 {
			return nil
		}
	}
	return fmt.Errorf("there is no %q in a detector's log: %w", r.Space, errors.ErrUnsupported)
}
