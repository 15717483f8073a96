package rtsp_test

import (
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/fault"
)

// TestStalls: a camera whose pictures end while its packets do not is lost, whichever library reads it, and is seen again
// when they come back.
func TestStalls(t *testing.T) {
	for library, suspects := range map[string][]string{"vdk": nil, "gortsplib": {"cam-1"}} {
		for _, kind := range []fault.Kind{fault.Silent, fault.Torn} {
			t.Run(library+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				url, faults := simulated(t, 128, 96)
				conn := open(t, rtsp.Driver{Suspects: suspects})
				eventually(t, 30*time.Second, "connected", func() bool { return look(t, conn, url).connected() })
				faults.Set(kind, fault.Setting{})
				took := eventually(t, 12*time.Second, "lost", func() bool { return look(t, conn, url).is(rtsp.StateUnreachable) })
				faults.Clear(kind)
				again := eventually(t, 5*time.Second, "seen again", func() bool { return look(t, conn, url).is(rtsp.StateGood) })
				t.Logf("lost after %v, seen again after %v", took, again)
			})
		}
	}
}
