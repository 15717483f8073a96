package gb26875_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/linshao/linshao/cloud/internal/dock/gb26875"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var moment = time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC)

// vector is a stand-alone gas detector, part 1 of system 1, that alarms. The text is ours, the rest worked out by hand.
const vector = "4040 0100 0100 001E0816 0B1A 060504030201 0A0000000000 3000 02" +
	"0201 01010C 01000000 0300" + "B3F8B7BF 00000000000000 0000000000000000 0000000000000000 00000000" + "001E0816 0B1A" + "4B 2323"

func alarm(t testing.TB) gb26875.Frame {
	t.Helper()
	data, err := gb26875.EncodeParts(gb26875.Part{System: 1, SystemAddress: 1, Type: 12, Address: 1, State: gb26875.Normal | gb26875.Alarm, Text: "厨房", At: moment})
	if err != nil {
		t.Fatal(err)
	}
	return gb26875.Frame{Serial: 1, At: moment, From: gb26875.Address{6, 5, 4, 3, 2, 1}, To: gb26875.Address{10}, Command: gb26875.Send, Data: data}
}

func TestVector(t *testing.T) {
	got, err := alarm(t).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := bytesOf(t, vector); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	f, err := gb26875.Read(bufio.NewReader(bytes.NewReader(got)), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := gb26875.ParseParts(f.Data, time.UTC)
	if err != nil || len(parts) != 1 || parts[0].Text != "厨房" || !parts[0].At.Equal(moment) || parts[0].State != 3 || parts[0].Address != 1 {
		t.Errorf("%+v %v", parts, err)
	}
}

// Whatever stands between frames, and whatever is damaged: the whole ones are found.
func TestResync(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		want := 0
		for range rapid.IntRange(1, 6).Draw(t, "pieces") {
			f := gb26875.Frame{Serial: uint16(want + 1), At: moment, Command: gb26875.Confirm, Data: rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "data")}
			b, err := f.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				want++
			case 1: // a frame whose sum is wrong; what it holds is no frame either
				f.Data = bytes.ReplaceAll(f.Data, []byte("@"), nil)
				if b, err = f.Append(nil); err != nil {
					t.Fatal(err)
				}
				b[len(b)-3]++
			case 2:
				b = bytes.ReplaceAll(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "noise"), []byte("@"), nil)
			}
			stream = append(stream, b...)
		}
		r := bufio.NewReaderSize(bytes.NewReader(stream), 4096)
		got := 0
		for {
			f, err := gb26875.Read(r, time.UTC)
			if errors.Is(err, gb26875.ErrDamaged) {
				continue
			}
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatal(err)
				}
				break
			}
			if got++; int(f.Serial) != got {
				t.Fatalf("frame %d has the serial number %d", got, f.Serial)
			}
		}
		if got != want {
			t.Fatalf("%d of %d frames", got, want)
		}
	})
}

func TestTextIsCutBetweenCharacters(t *testing.T) {
	data, err := gb26875.EncodeParts(gb26875.Part{Text: "锦绣花园三号楼二单元五零一室厨房燃气探测器", At: moment})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := gb26875.ParseParts(data, time.UTC)
	if err != nil || parts[0].Text != "锦绣花园三号楼二单元五零一室厨" {
		t.Errorf("%+v %v", parts, err)
	}
}

func TestLimits(t *testing.T) {
	if _, err := gb26875.EncodeParts(make([]gb26875.Part, 23)...); err == nil {
		t.Error("23 parts in a frame")
	}
	if _, err := (gb26875.Frame{Data: make([]byte, 1025)}).Append(nil); err == nil {
		t.Error("1025 bytes of data")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(bytesOf(f, vector))
	f.Add([]byte("@@@@"))
	f.Add(append([]byte("@@"), make([]byte, 27)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(b), 4096)
		for range len(b) + 1 {
			frame, err := gb26875.Read(r, time.UTC)
			if err == nil {
				whole, err := frame.Append(nil)
				if err != nil || len(whole) != 30+len(frame.Data) {
					t.Fatalf("%+v: %v", frame, err)
				}
			} else if !errors.Is(err, gb26875.ErrDamaged) {
				return
			}
		}
		t.Fatal("it reads more frames than there are bytes")
	})
}

// FuzzUnits: a count of zero, or one that is not there, breaks nothing.
func FuzzUnits(f *testing.F) {
	f.Add(alarm(f).Data)
	f.Add([]byte{2, 0})
	f.Add([]byte{91, 1, 10})
	f.Add([]byte{91, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if parts, err := gb26875.ParseParts(b, time.UTC); err == nil {
			if _, err := gb26875.EncodeParts(parts...); err != nil {
				t.Fatal(err)
			}
		} else if !errors.Is(err, gb26875.ErrUnit) {
			t.Fatal(err)
		}
		if _, err := gb26875.ParseAsk(b); err != nil && !errors.Is(err, gb26875.ErrUnit) {
			t.Fatal(err)
		}
	})
}
