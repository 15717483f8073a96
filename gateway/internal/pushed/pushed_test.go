package pushed_test

import (
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/pushed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// FuzzUnpack: whatever was signed, only files with usable names come out of it, within limits.
func FuzzUnpack(f *testing.F) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	defer z.Close()
	for _, name := range []string{"rules/a.yaml", "devices.d/../../x.yaml", "overrides.yaml", "rules/.."} {
		text, err := proto.Marshal(&wire.Parts{Parts: []*wire.Part{{Name: name, Data: []byte("a: 1")}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(z.EncodeAll(text, nil))
	}
	f.Add(z.EncodeAll(make([]byte, 8<<20), nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := pushed.Unpack(&wire.Config{Revision: 1, Parts: data})
		if err != nil {
			return
		}
		n := len(s.Of(pushed.Rules)) + len(s.Of(pushed.Profiles)) + len(s.Of(pushed.Devices))
		for _, p := range s.Parts {
			if p.Name == pushed.Overrides {
				n++
			}
		}
		if n != len(s.Parts) {
			t.Errorf("%+v", s.Parts)
		}
	})
}
