package configs_test

import (
	"testing"

	"github.com/linshao/linshao/configs"
)

func TestSetLeavesTheRest(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a: 1 # x\n", "a: 1 # x\n\ntrust:\n  command_key: k.pem\n"},
		{"trust: {update_key: u.pem} # why\nb: 2\n", "trust: {command_key: k.pem, update_key: u.pem} # why\nb: 2\n"},
		{"trust: {}\n", "trust: {command_key: k.pem}\n"},
		{"trust:\n    # of the vendor\n    update_key: u.pem\nb: 2\n", "trust:\n    command_key: k.pem\n    # of the vendor\n    update_key: u.pem\nb: 2\n"},
		{"trust:\n  command_key: old.pem # of the cloud\nb: 2\n", "trust:\n  command_key: k.pem  # of the cloud\nb: 2\n"},
		{"trust:", "trust:\n  command_key: k.pem\n"},
	} {
		if out, ok := configs.Set([]byte(c.text), "trust", "command_key", "k.pem"); !ok || string(out) != c.want {
			t.Errorf("%q: %q, %v; want %q", c.text, out, ok, c.want)
		}
	}
	for _, text := range []string{"trust: {command_key: a}\n", "trust: nothing\n"} {
		if out, ok := configs.Set([]byte(text), "trust", "command_key", "k.pem"); ok || string(out) != text {
			t.Errorf("%q became %q", text, out)
		}
	}
}
