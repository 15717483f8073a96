package poll_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/poll"
)

func TestAPlaceThatNoProfileListsIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &line{}, nil, dev("A", "3", time.Minute))
		at := device.Register{Space: "record", Addr: 7}
		if r, err := b.ReadPlace(t.Context(), "A", at); err != nil || r.Device != "A" || r.Point != "record" || r.Quality != device.Good {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := b.ReadPlace(t.Context(), "X", at); !errors.Is(err, poll.ErrNoPoint) {
			t.Errorf("of a device that is not there: %v", err)
		}
		err := b.Lend(t.Context(), func(ctx context.Context) error {
			_, err := b.ReadPlace(ctx, "A", at)
			return err
		})
		if !errors.Is(err, poll.ErrLent) {
			t.Errorf("while the line is lent: %v", err)
		}
		b.stop()
	})
}
