package config_test

import (
	"reflect"
	"testing"

	"github.com/linshao/linshao/gateway/internal/config"
)

// Every key of an entry survives being written: a key that is added and not written would be lost by a claim.
func TestAFragmentIsReadAsItWasWritten(t *testing.T) {
	text := `channel: c1
replaces: [a]
devices:
  - id: a
    name: "名: {x} # \"q\" \\ <b>"
    profile: p
    address: "000000012345"
    password_file: f
    install_mode: true
    place: "- 地下 "
    zone: "null"
    poll: 5s
    labels: {k: "yes", "a b": "2026-01-01"}
    baud: 2400
    parity: even
    stop_bits: 2
    points: {power: {deadband: 1%, report: 10m}, temp: {deadband: "off"}}
`
	first, problems := config.ParseFragment("x.yaml", []byte(text), config.English)
	if problems != nil {
		t.Fatal(problems)
	}
	entry := reflect.ValueOf(first.Devices[0])
	for i := range entry.NumField() {
		if f := entry.Type().Field(i); f.Tag.Get("yaml") != "-" && entry.Field(i).IsZero() {
			t.Errorf("this test leaves %s out", f.Name)
		}
	}
	again, problems := config.ParseFragment("x.yaml", first.Text(), config.English)
	if problems != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("%v\n%s\n%+v\n%+v", problems, first.Text(), first, again)
	}
}
