package org_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/drivers/device"
)

// A gateway may send anything as a good value; JSON cannot hold all of it, and one value must not end a page's stream.
func TestValuesThatJSONCannotHold(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		var p org.PointValue
		p.Set(device.Reading{Value: v, Quality: device.Good, Time: time.UnixMilli(1)})
		if _, err := json.Marshal(p); err != nil || p.Value != nil || p.Quality != "bad" || p.Reason != "corrupt" {
			t.Errorf("%v became %+v: %v", v, p, err)
		}
	}
}
