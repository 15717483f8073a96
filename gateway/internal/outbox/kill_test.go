package outbox_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// child appends until it is killed and prints the number of each record after Append returned.
func child(dir string) {
	c := config(dir)
	c.Segment, c.Quota = 20_000, 64<<20
	if os.Getenv("LINSHAO_OUTBOX_SYNC") != "" {
		c.Sync = 20 * time.Millisecond
	}
	l, err := outbox.Open(c)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	_, _, next := l.State()
	for ; ; next++ {
		seq, err := l.Append(2, noon, 2, payload(next, int(next%300)))
		if err != nil || seq != next {
			fmt.Println("error", seq, next, err)
			return
		}
		fmt.Println(seq)
	}
}

// TestKill9 kills a real process at a random moment, many times over one log.
func TestKill9(t *testing.T) {
	for _, mode := range []string{"", "sync"} {
		t.Run("mode="+mode, func(t *testing.T) {
			dir := t.TempDir()
			acked := uint64(0)
			for range 50 {
				last := killOne(t, dir, mode)
				acked = max(acked, last)
				checkKept(t, dir, acked)
			}
			t.Logf("50 kills, %d records acknowledged, 0 lost", acked)
		})
	}
}

func killOne(t *testing.T, dir, mode string) (last uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LINSHAO_OUTBOX_CHILD="+dir, "LINSHAO_OUTBOX_SYNC="+mode)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child said nothing")
	}
	kill := time.AfterFunc(time.Duration(rand.IntN(25_000))*time.Microsecond, func() { cmd.Process.Kill() })
	defer kill.Stop()
	for ok := true; ok; ok = lines.Scan() {
		if strings.HasPrefix(lines.Text(), "error") {
			t.Fatal(lines.Text())
		}
		if n, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil {
			last = max(last, n)
		}
	}
	_ = cmd.Wait() // killed
	return last
}

func checkKept(t *testing.T, dir string, acked uint64) {
	t.Helper()
	next := uint64(1)
	s, err := outbox.Inspect(dir, func(r outbox.Record) error {
		if r.Seq != next {
			return fmt.Errorf("record %d follows %d", r.Seq, next-1)
		}
		if !bytes.Equal(r.Payload, payload(r.Seq, int(r.Seq%300))) {
			return fmt.Errorf("record %d is wrong", r.Seq)
		}
		next++
		return nil
	})
	if err != nil || s.Next <= acked {
		t.Fatalf("acknowledged %d, found up to %d: %v", acked, s.Next-1, err)
	}
}
