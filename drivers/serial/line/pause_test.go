package line_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/serial/line"
)

// A device that needs a rest is not asked before it is over; its neighbours are asked meanwhile, and pay nothing.
func TestAPauseIsTheDevicesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pause, answer = 200 * time.Millisecond, 10 * time.Millisecond
		l := &late{}
		l.after.Store(int64(answer))
		p, err := line.OpenOver(t.Context(), channel("", time.Second), l.connect)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close() //nolint:errcheck // nothing to lose
		took := func(to byte, pause time.Duration) time.Duration {
			began := time.Now()
			if _, err := p.Exchange(t.Context(), line.Request{Frame: []byte{to}, To: uint64(to), Expect: 2, Rest: pause}, echo(to)); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		took('a', pause)
		began := time.Now()
		for _, to := range []byte("bcb") {
			if d := took(to, 0); d > 2*answer {
				t.Errorf("%c beside a device that rests: %v", to, d)
			}
		}
		spent := time.Since(began)
		if d := took('a', pause); d < pause+answer-spent || d > pause+2*answer-spent {
			t.Errorf("the device was asked and answered within %v, %v of its rest had passed", d, spent)
		}
		if d := took('a', pause); d < pause+answer || d > pause+2*answer {
			t.Errorf("at once again: %v", d)
		}
	})
}
