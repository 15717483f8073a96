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
	if os.Getenv("LINSHAO_OUTBOX_LARGE") != "" { // go on with what BenchmarkRecover made
		c.Segment, c.Quota = 0, 1<<30
	}
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
			var acked []uint64
			for range 50 {
				acked = append(acked, killOne(t, dir, mode)...)
				checkKept(t, dir, acked)
			}
			t.Logf("50 kills, %d records acknowledged, 0 lost", len(acked))
		})
	}
}

func killOne(t *testing.T, dir, mode string) (acked []uint64) {
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
			acked = append(acked, n)
		}
	}
	_ = cmd.Wait() // killed
	return acked
}

// checkKept: every acknowledged record is there, each number once. A kill in the middle of a write leaves a torn record, which
// nobody was told of; its number is skipped.
func checkKept(t *testing.T, dir string, acked []uint64) {
	t.Helper()
	last := uint64(0)
	_, err := outbox.Inspect(dir, func(r outbox.Record) error {
		if r.Seq <= last {
			return fmt.Errorf("record %d follows %d", r.Seq, last)
		}
		last = r.Seq
		if !bytes.Equal(r.Payload, payload(r.Seq, int(r.Seq%300))) {
			return fmt.Errorf("record %d is wrong", r.Seq)
		}
		if len(acked) > 0 && acked[0] < r.Seq {
			return fmt.Errorf("record %d is lost", acked[0])
		}
		if len(acked) > 0 && acked[0] == r.Seq {
			acked = acked[1:]
		}
		return nil
	})
	if err == nil && len(acked) > 0 {
		err = fmt.Errorf("record %d is lost", acked[0])
	}
	if err != nil {
		t.Fatal(err)
	}
}
