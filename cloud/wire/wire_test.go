package wire_test

import (
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func TestAlertSurvivesTheWire(t *testing.T) {
	want := rules.AlertEvent{
		Alert: "R16/gas-1802/x", Rule: "R16", Version: "abc", Subject: "gas-1802", Zone: "k", Severity: rules.SeverityA,
		State: rules.Firing, Since: time.UnixMilli(5), At: time.UnixMilli(6), Title: rules.Text{ZH: "燃气高报", EN: "Gas high"},
		Message: rules.Text{ZH: "值 62 %LEL", EN: "62 %LEL"}, Card: []rules.Text{{ZH: "疏散", EN: "Evacuate"}},
		Evidence: []rules.Evidence{{Name: "level", Unit: "%LEL", Value: 62, Quality: device.Good, Over: time.Minute}},
		Level:    1, Shelved: true, Latched: true, Why: []rules.Text{{ZH: "浓度 62", EN: "level 62"}}, Window: time.UnixMilli(3),
		Limit:   &rules.Limit{Point: "level", Value: 25, Unit: "%LEL", Above: true},
		Actions: []rules.Action{{Device: "valve-1802", Point: "open", Value: 0}},
	}
	b, err := proto.Marshal(wire.FromAlert(want))
	if err != nil {
		t.Fatal(err)
	}
	var a wire.Alert
	if err := proto.Unmarshal(b, &a); err != nil {
		t.Fatal(err)
	}
	if got := a.Event(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func TestTopics(t *testing.T) {
	topic := wire.Topic("gw-0142", wire.UpHello)
	gateway, leaf, err := wire.ParseTopic(topic)
	if err != nil || gateway != "gw-0142" || leaf != wire.UpHello {
		t.Fatalf("%s: %s %s %v", topic, gateway, leaf, err)
	}
	for _, bad := range []string{"", "ls/1", "ls/1/zz/gw-0142/up/hello", "ls/2/" + topic[5:], "ls/1/00/#/up/hello", "ls/1/00/+/x", "x/" + topic} {
		if _, _, err := wire.ParseTopic(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
