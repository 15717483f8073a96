package outbox_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// TestAppendAll: records that are appended together have one fsync and numbers in their order, or none of them is kept.
func TestAppendAll(t *testing.T) {
	l, err := outbox.Open(outbox.Config{Dir: t.TempDir(), Stream: 1, Quota: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var all []outbox.Draft
	for i := range 300 {
		all = append(all, outbox.Draft{Type: 7, At: time.UnixMilli(int64(i)), Clock: 2, Payload: fmt.Append(nil, "event ", i)})
	}
	if _, err := l.Append(7, time.Now(), 2, nil); err != nil {
		t.Fatal(err)
	}
	before := l.Stats().Fsyncs
	first, err := l.AppendAll(all...)
	if err != nil || first != 2 || l.Stats().Fsyncs != before+1 {
		t.Fatalf("first %d, %d fsyncs, %v", first, l.Stats().Fsyncs-before, err)
	}
	records, err := l.Read(2, 1<<20)
	if err != nil || len(records) != 300 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for i, r := range records {
		if r.Seq != uint64(i+2) || r.Type != 7 || r.WallMs != int64(i) || r.Clock != 2 || string(r.Payload) != fmt.Sprint("event ", i) {
			t.Fatalf("record %d is %+v", i, r)
		}
	}
	all[100].Payload = make([]byte, outbox.MaxPayload+1)
	if _, err := l.AppendAll(all...); !errors.Is(err, outbox.ErrTooLarge) {
		t.Fatal(err)
	}
	if _, _, next := l.State(); next != 302 {
		t.Fatalf("next is %d: a part was kept", next)
	}
}
