package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
)

// A channel says what is known: nothing before its devices were tried, a change at once, and everything again when asked.
func TestAChannelIsADevice(t *testing.T) {
	up := false
	l := app.NewLine(func() bool { return up })
	told := func(again bool) string {
		var words []string
		for _, r := range l.Readings(time.Unix(1, 0), again) {
			word := fmt.Sprintf("%s=%g", r.Point, r.Value)
			if r.Quality != device.Good {
				word = r.Point + "=" + r.Reason.String()
			}
			words = append(words, word)
		}
		return strings.Join(words, " ")
	}
	for i, step := range []struct {
		do    func()
		again bool
		want  string
	}{
		{func() {}, false, ""},
		{func() {}, true, "up=not_read answering=not_read devices=2"},
		{func() { up = true; l.Changed("a", true) }, false, "up=1 answering=not_read devices=2"},
		{func() { l.Changed("stranger", false) }, false, ""},
		{func() { l.Changed("b", true) }, false, "up=1 answering=2 devices=2"},
		{func() {}, false, ""},
		{func() { l.Changed("b", false) }, false, "up=1 answering=1 devices=2"},
		{func() { up = false; l.Changed("a", false) }, false, "up=0 answering=0 devices=2"},
		{func() {}, true, "up=0 answering=0 devices=2"},
	} {
		step.do()
		if got := told(step.again); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}
