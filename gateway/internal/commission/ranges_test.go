package commission_test

import (
	"encoding/json"
	"testing"

	"github.com/linshao/linshao/gateway/internal/commission"
)

func TestRanges(t *testing.T) {
	cases := []struct{ text, want string }{
		{"1-32", "1-32"}, {"7", "7"}, {"0x10-0x1F", "16-31"}, {" 3 , 1-2 ", "1-3"}, {"5,1,9-7", "!"}, {"1-10,5-20,40", "1-20,40"},
		{"0", "!"}, {"248", "!"}, {"", "!"}, {"a", "!"}, {"1-", "!"}, {"-1", "!"}, {"1--2", "!"},
	}
	for _, c := range cases {
		got, err := commission.ParseRanges(c.text, 1, 247)
		text := got.String()
		if err != nil {
			text = "!"
		}
		if text != c.want {
			t.Errorf("%q is %s (%v), want %s", c.text, text, err, c.want)
		}
	}
}

func FuzzRanges(f *testing.F) {
	for _, s := range []string{"1-32", "1,2,3", "0x00-0xff", "9-1", "1-2-3", ",", "99999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := commission.ParseRanges(text, 1, 247)
		if err != nil {
			return
		}
		last := 0
		for _, n := range got.All() {
			if n <= last || n > 247 {
				t.Fatalf("%q gives %v", text, got.All())
			}
			last = n
		}
		wire, err := json.Marshal(got)
		var back commission.Ranges
		if err != nil || json.Unmarshal(wire, &back) != nil || back.String() != got.String() {
			t.Fatalf("%q is %s on the wire", text, wire)
		}
	})
}
