package wire_test

import (
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
)

// kept are the bytes that a first version made and are in the file; made are those of this one, for a new file.
func kept(t *testing.T, file string, made []byte) []byte {
	t.Helper()
	if os.Getenv("LINSHAO_WRITE_VECTORS") == "1" {
		if err := os.WriteFile(file, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vector holds the bytes of a first version: they are still read as what they said.
func vector[M proto.Message](t *testing.T, file string, want, got M) {
	t.Helper()
	made, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(kept(t, file, made), got); err != nil || !proto.Equal(got, want) {
		t.Fatalf("%v, %v", got, err)
	}
}

// TestQuestionBytesStayReadable, and those of the answers.
func TestQuestionBytesStayReadable(t *testing.T) {
	look := func(ask *wire.Ask) *wire.Down {
		return &wire.Down{Gateway: "gw-0142", Kind: &wire.Down_Look{Look: &wire.Look{Id: "l1", Session: 0x0102030405060708, Boot: 7, UntilMs: 90_000, Device: "meter-3", Who: "陈敏", Ask: ask}}}
	}
	vector(t, "testdata/ask-frames-1.bin", look(&wire.Ask{About: &wire.Ask_Frames{Frames: &wire.AskFrames{}}}), &wire.Down{})
	vector(t, "testdata/ask-trial-1.bin", look(&wire.Ask{About: &wire.Ask_Trial{Trial: &wire.AskTrial{Shown: []*wire.Shown{{Point: "voltage", Value: 231.4}}}}}), &wire.Down{})
	vector(t, "testdata/ask-doctor-1.bin", look(&wire.Ask{About: &wire.Ask_Doctor{Doctor: &wire.AskDoctor{Lines: true, Bundle: true}}}), &wire.Down{})
	vector(t, "testdata/answer-1.bin", &wire.Answer{AtMs: 1_700_000_000_000, Refused: &wire.Text{Zh: "正在扫描", En: "being scanned"},
		Frames: []*wire.Frame{{AtMs: 1_700_000_000_000, Out: []byte{1, 3, 0, 0, 0, 1}, In: []byte{1, 0x83, 2}, TookUs: 31_000, Reason: 2, Refusal: 2, Cut: true}},
		Trial: &wire.Trial{Model: "DDS1352", Channel: "rs485-1", Address: "3", Hints: []*wire.Text{{Zh: "两台同址", En: "two at one address"}}, Points: []*wire.TrialPoint{{Device: "meter-3", Point: "voltage",
			Unit: "V", Value: proto.Float64(0), Label: "合", Quality: 2, Reason: 1, Raw: "0x090A", Register: "holding 0x000B", Human: "4x0012", Type: "u16 ×0.1", TookUs: 31_000, Shows: "scale", Why: &wire.Text{Zh: "比例", En: "scale"}}}},
		Diagnosis: &wire.Diagnosis{Bundle: []byte("PK"), Findings: []*wire.Finding{{Area: &wire.Text{Zh: "时钟", En: "clock"}, Subject: "/dev/rtc", Level: "warning", Said: &wire.Text{Zh: "慢", En: "slow"}, Next: []*wire.Text{{Zh: "校时", En: "set it"}}}}}}, &wire.Answer{})
}
