package evidence

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	format "github.com/linshao/linshao/cloud/wire/evidence"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

const (
	feedMost  = 32              // chunks in the log that the cloud does not have: more is not needed to keep a line busy
	feedEvery = 2 * time.Second // between two looks while nothing changes
	feedPause = 5 * time.Second // after the disk took nothing
)

// Log is what is needed of the evidence stream's *outbox.Log.
type Log interface {
	Append(typ uint32, at time.Time, clock uint32, payload []byte) (uint64, error)
	State() (epoch, oldest, next uint64)
	Stats() outbox.Stats
}

// feed gives chunks of bundles to the evidence log, as the cloud takes them, until ctx ends. The bundles are the queue: the log
// stays small, and a bundle that must make room leaves no hole in it.
func (c *Collector) feed(ctx context.Context) {
	for {
		wait := feedEvery
		more, err := c.feedOne()
		switch {
		case err != nil:
			c.cfg.Log.Error("evidence does not go up", "error", err)
			wait = feedPause
		case more:
			wait = 0
		}
		if wait == 0 && ctx.Err() == nil {
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-c.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// feedOne gives the log one chunk, if there is one and room.
func (c *Collector) feedOne() (more bool, err error) {
	epoch, _, next := c.cfg.Stream.State()
	backlog := c.cfg.Stream.Stats().Backlog
	if err := c.store.acked(epoch, next-1-min(backlog, next-1)); err != nil {
		return false, err
	}
	if backlog >= feedMost {
		return false, nil
	}
	b, ok := c.store.next(epoch)
	if !ok {
		return false, nil
	}
	payload, err := chunk(c.cfg.Dir, &b, b.Fed)
	if err != nil {
		c.store.skip(b.ID)
		return true, fmt.Errorf("bundle %d is passed over until the next start: %w", b.Number, err)
	}
	seq, err := c.cfg.Stream.Append(wire.TypeChunk, c.cfg.Now(), c.cfg.Clock(), payload)
	if err != nil {
		return false, fmt.Errorf("append evidence: %w", err)
	}
	return true, c.store.fed(b.ID, b.Fed, epoch, seq)
}

func chunk(dir string, b *Bundle, index int) ([]byte, error) {
	f, err := os.Open(Path(dir, b))
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	at := int64(index) * format.ChunkSize
	data := make([]byte, min(format.ChunkSize, b.Size-at))
	if _, err := f.ReadAt(data, at); err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	id, err := hex.DecodeString(b.ID)
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return proto.Marshal(&wire.Chunk{Bundle: id, Size: uint64(b.Size), Index: uint32(index), Data: data})
}
