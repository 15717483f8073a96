package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
)

// seeded is a key that is the same in every run.
func seeded(fill byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey {
	p, _ := key.Public().(ed25519.PublicKey)
	return p
}

func aCommand() *wire.Down {
	return &wire.Down{Gateway: "gw-0142", Kind: &wire.Down_Command{Command: &wire.Command{
		Id: "c-1", Session: 0x0102030405060708, Boot: 7, UntilMs: 90_015_000, TtlMs: 15_000, Issuer: "陈敏", Approver: "Li Wei", Reason: "复电",
		Action: &wire.Action{Device: "socket-3", Point: "relay", Value: 1}, HoldMs: 600_000}}}
}

// TestCommandBytesStayReadable holds the bytes of the first version.
func TestCommandBytesStayReadable(t *testing.T) {
	const file = "testdata/command-1.bin"
	made, err := wire.Sign(seeded(1), aCommand())
	if err != nil {
		t.Fatal(err)
	}
	d, err := wire.Open(public(seeded(1)), "gw-0142", kept(t, file, made))
	if err != nil || !proto.Equal(d, aCommand()) {
		t.Fatalf("%v, %v", d, err)
	}
}

// TestDesiredBytesStayReadable holds the bytes of the first version.
func TestDesiredBytesStayReadable(t *testing.T) {
	const file = "testdata/desired-1.bin"
	want := &wire.Down{Gateway: "gw-0142", Kind: &wire.Down_Desired{Desired: &wire.Desired{Revision: 7, Site: "jinxiu", Emergency: true, LeftMs: 3_600_000, Reason: "台风"}}}
	made, err := wire.Sign(seeded(1), want)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := wire.Open(public(seeded(1)), "gw-0142", kept(t, file, made)); err != nil || !proto.Equal(d, want) {
		t.Fatalf("%v, %v", d, err)
	}
}

func TestOnlyTheCloudsWordCounts(t *testing.T) {
	payload, err := wire.Sign(seeded(1), aCommand())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Open(public(seeded(2)), "gw-0142", payload); !errors.Is(err, wire.ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if _, err := wire.Open(nil, "gw-0142", payload); !errors.Is(err, wire.ErrSignature) {
		t.Errorf("no key: %v", err)
	}
	if _, err := wire.Open(public(seeded(1)), "gw-0143", payload); !errors.Is(err, wire.ErrAddressee) {
		t.Errorf("another gateway: %v", err)
	}
	for bit := range len(payload) * 8 {
		bad := bytes.Clone(payload)
		bad[bit/8] ^= 1 << (bit % 8)
		if d, err := wire.Open(public(seeded(1)), "gw-0142", bad); err == nil && !proto.Equal(d, aCommand()) {
			t.Fatalf("bit %d flipped: %v", bit, d)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	text, err := wire.EncodeKey(public(seeded(3)))
	if err != nil {
		t.Fatal(err)
	}
	if key, err := wire.DecodeKey(text); err != nil || !key.Equal(public(seeded(3))) {
		t.Fatal(key, err)
	}
	for _, bad := range []string{"", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if _, err := wire.DecodeKey([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzOpen(f *testing.F) {
	payload, err := wire.Sign(seeded(1), aCommand())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := wire.Open(public(seeded(1)), "gw-0142", b); err == nil && d.GetGateway() != "gw-0142" {
			t.Fatal(d)
		}
	})
}
