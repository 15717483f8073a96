package evidence_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	format "github.com/linshao/linshao/cloud/wire/evidence"
	"github.com/linshao/linshao/gateway/internal/evidence"
	"github.com/linshao/linshao/rules"
)

// victim is the folder of the process that TestKill9 kills: the test binary once more.
const victim = "LINSHAO_EVIDENCE_VICTIM"

// TestKill9: a gateway is killed again and again while it writes clips and bundles. After each life every file is whole or gone, the
// chain has no hole and no fork, no alert has two bundles, and what was begun is finished by the next life.
func TestKill9(t *testing.T) {
	if dir := os.Getenv(victim); dir != "" {
		die(t, dir)
	}
	s := stand(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	killed := map[string]int{} // by what was left
	for range 15 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill9$")
		cmd.Env = append(os.Environ(), victim+"="+s.dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan() && n < 1+rnd.IntN(12); n++ { // it says at each chunk that it writes one
		}
		after := time.NewTimer(time.Duration(rnd.IntN(3000)) * time.Microsecond)
		<-after.C
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		for what, pattern := range map[string]string{"half a bundle": "*.lse.new", "a case": "work/*/case.json"} {
			if found, _ := filepath.Glob(filepath.Join(s.dir, evidence.Dir, pattern)); len(found) > 0 {
				killed[what]++
			}
		}
		s.check()
	}
	for _, half := range []string{"00000001-0123456789abcdef.lse.new", "00000001-0123456789abcdef.json.new", "chain.json.new"} {
		if err := os.WriteFile(filepath.Join(s.dir, evidence.Dir, half), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.run(func(*evidence.Collector) { <-time.After(2 * time.Second) })
	n := s.check()
	if left, _ := filepath.Glob(filepath.Join(s.dir, evidence.Dir, "*.new")); len(left) > 0 {
		t.Error("left behind: ", left)
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, evidence.Dir, "work")); len(left) > 0 {
		t.Error("not finished: ", left)
	}
	if killed["a case"] < 5 || n < 5 {
		t.Errorf("it was not killed in the midst of anything: %v, %d bundles", killed, n)
	}
	t.Logf("%d bundles; killed with %v", n, killed)
}

// check says how many bundles there are: all of them whole, in one chain, one of each alert.
func (s *station) check() int {
	s.Helper()
	var heads []*format.Head
	of := map[string]uint64{}
	for _, b := range s.bundles() {
		h := s.verify(b)
		if other := of[h.Manifest.Alert.ID]; other > 0 {
			s.Errorf("%s has bundles %d and %d", h.Manifest.Alert.ID, other, h.Manifest.Number)
		}
		of[h.Manifest.Alert.ID] = h.Manifest.Number
		heads = append(heads, h)
	}
	if faults, missing := format.Chain(heads); len(faults)+len(missing) > 0 {
		s.Error(faults, missing)
	}
	return len(heads)
}

// die is a life of the victim: alerts whose evidence is all in the past, one after the other, until it is killed.
func die(t *testing.T, dir string) {
	s := &station{T: t, dir: dir, quota: 1 << 30}
	s.eye.Store(&eye{said: os.Stdout})
	s.run(func(c *evidence.Collector) {
		for n := 0; ; n++ {
			e := alert(fmt.Sprintf("a-%d-%d", os.Getpid(), n))
			e.At = time.Now().Add(-2 * time.Minute)
			c.Alert(e)
			<-time.After(20 * time.Millisecond)
		}
	})
}

// TestDiskFull: on a file system that has no room for a clip the alert and the readings are kept all the same, and the bundle says that
// the clip is missing and why; with less room than that nothing breaks, and when there is room again the next alert has its clip.
func TestDiskFull(t *testing.T) {
	s := stand(t)
	bundles := filepath.Join(s.dir, evidence.Dir)
	if err := os.Mkdir(bundles, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", bundles).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a tmpfs (root): %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", bundles).CombinedOutput(); err != nil {
			t.Errorf("unmount: %s", out)
		}
	})
	other := filepath.Join(bundles, "something else")
	past := func(id string) rules.AlertEvent {
		e := alert(id)
		e.At = time.Now().Add(-2 * time.Minute)
		return e
	}
	s.run(func(c *evidence.Collector) {
		fill(t, other, 400<<10) // a clip is 616 KB
		c.Alert(past("a-1"))
		s.eventually("a bundle without a clip", func() bool { return len(s.bundles()) == 1 })
		m := s.verify(s.bundles()[0]).Manifest
		if said := strings.Join(m.Missing, "\n"); !strings.Contains(said, "clip-cam-1.mp4: the gateway's disk is full") || len(m.Parts) != 2 {
			t.Errorf("%d parts, missing: %s", len(m.Parts), said)
		}
		fill(t, other, 0)
		c.Alert(past("a-2"))
		c.Alert(rules.AlertEvent{Alert: "a-1", State: rules.Resolved})
		<-time.After(300 * time.Millisecond)
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
		c.Alert(past("a-3"))
		s.eventually("a bundle with a clip", func() bool { return len(s.bundles()) == 2 })
	})
	last := s.bundles()[1]
	if h := s.verify(last); last.Alert != "a-3" || len(h.Manifest.Parts) != 6 || len(h.Manifest.Missing) > 0 {
		t.Errorf("%+v %v", last, h.Manifest.Missing)
	}
	s.check()
}

// fill leaves so many bytes on the file system of a file, by writing the file.
func fill(t *testing.T, file string, left int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	for page := make([]byte, 4096); err == nil; {
		var n int
		n, err = f.Write(page)
		size += int64(n)
	}
	if err := f.Truncate(max(0, size-left)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s *station) eventually(what string, ok func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Fatal(what, " does not come")
		}
	}
}
