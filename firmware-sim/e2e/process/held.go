package process

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// Held is what a program holds at a time.
type Held struct {
	Goroutines int // 0: it does not say
	Files      int // open descriptors
	MemoryMiB  int // resident
}

// What may be more at the end of a long run than in its second quarter: a connection under way, memory that the collector has
// not yet given back.
const (
	mayGoroutines = 10
	mayFiles      = 6
	mayMemory     = 1.25
	mayMemoryMiB  = 15
)

// Holds reads what a program of ours holds from its own metrics; base is the address of its page.
func Holds(base string) (Held, error) {
	response, err := http.Get(base + "/metrics")
	if err != nil {
		return Held{}, err
	}
	defer response.Body.Close()
	var now Held
	want := map[string]*int{"go_goroutines": &now.Goroutines, "process_open_fds": &now.Files, "process_resident_memory_bytes": &now.MemoryMiB}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if to := want[name]; to != nil {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return Held{}, fmt.Errorf("read metric %s: %w", name, err)
			}
			*to = int(value)
		}
	}
	if now.Goroutines == 0 || now.Files == 0 || now.MemoryMiB == 0 {
		return Held{}, fmt.Errorf("metrics of %s say nothing of the process: %s", base, response.Status)
	}
	now.MemoryMiB >>= 20
	return now, lines.Err()
}

// HeldBy asks the system what a process holds that has no metrics of its own.
func HeldBy(pid int) (Held, error) {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return Held{}, fmt.Errorf("count descriptors: %w", err)
	}
	mib, err := Resident(pid)
	return Held{Files: len(files), MemoryMiB: int(mib)}, err
}

// Resident is the memory that a process holds, in MiB.
func Resident(pid int) (mib float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0, fmt.Errorf("read memory of %d: %w", pid, err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20), nil
}

// Most is the most of each.
func Most(samples []Held) (m Held) {
	for _, s := range samples {
		m = Held{max(m.Goroutines, s.Goroutines), max(m.Files, s.Files), max(m.MemoryMiB, s.MemoryMiB)}
	}
	return m
}

// Growth compares a run's second quarter, when all is warm, with its last. Fewer than 8 samples say nothing.
func Growth(samples []Held) (before, after Held, grew bool, err error) {
	if len(samples) < 8 {
		return before, after, false, fmt.Errorf("measured only %d times", len(samples))
	}
	quarter := len(samples) / 4
	before, after = Most(samples[quarter:2*quarter]), Most(samples[len(samples)-quarter:])
	grew = after.Goroutines > before.Goroutines+mayGoroutines || after.Files > before.Files+mayFiles ||
		float64(after.MemoryMiB) > float64(before.MemoryMiB)*mayMemory+mayMemoryMiB
	return before, after, grew, nil
}
