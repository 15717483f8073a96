package enroll

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/wire/enrolment"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// put makes a key as nextKey does, and a certificate beside it.
func put(t *testing.T, f Files, serial int64, from, to time.Time) *pair {
	t.Helper()
	key, err := f.nextKey()
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "gw-1"}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(next(f.Cert), enrolment.EncodeCertificates(der), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := readPair(next(f.Cert), next(f.Key))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whenever the power goes while a pair changes places, the gateway has a pair at its next start.
func TestAPowerCutLeavesAPair(t *testing.T) {
	now := time.Now()
	for cut := range 3 {
		t.Run(fmt.Sprint(cut, " renames done"), func(t *testing.T) {
			dir := t.TempDir()
			f := Files{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "gw.pem"), Key: filepath.Join(dir, "gw.key")}
			put(t, f, 1, now, now.Add(time.Hour))
			if err := f.commit(); err != nil {
				t.Fatal(err)
			}
			put(t, f, 2, now, now.Add(time.Hour))
			for i, file := range []string{f.Key, f.Cert} {
				if i < cut {
					if err := move(next(file), file); err != nil {
						t.Fatal(err)
					}
				}
			}
			want := map[int][2]int64{0: {1, 2}, 1: {2, 0}, 2: {2, 0}}[cut]
			for range 2 { // also at the start after that
				present, following, err := f.load()
				if err != nil {
					t.Fatal(err)
				}
				got := [2]int64{present.own.SerialNumber.Int64(), 0}
				if following != nil {
					got[1] = following.own.SerialNumber.Int64()
				}
				if got != want {
					t.Errorf("found %v, want %v", got, want)
				}
			}
			if info, err := os.Stat(f.Key); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the key: %v, %v", info, err)
			}
		})
	}
}

// A key that waits is used again: who asks twice asks with the same.
func TestTheNextKeyWaits(t *testing.T) {
	f := Files{Key: filepath.Join(t.TempDir(), "gw.key")}
	first, err := f.nextKey()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.nextKey(); err != nil || !again.Equal(first) {
		t.Errorf("another key: %v", err)
	}
	if err := os.WriteFile(next(f.Key), []byte("half of a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	if fresh, err := f.nextKey(); err != nil || fresh.Equal(first) {
		t.Errorf("after a damaged one: %v", err)
	}
}

func TestTheClockOfCertificates(t *testing.T) {
	dir, issued := t.TempDir(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	f := Files{Cert: filepath.Join(dir, "gw.pem"), Key: filepath.Join(dir, "gw.key")}
	now, synced := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), false
	var told []rules.Text
	k := &Keeper{present: put(t, f, 1, issued, issued.Add(90*24*time.Hour)), cfg: KeeperConfig{Gateway: "gw-1", Files: f, Now: func() time.Time { return now },
		Synced: func() bool { return synced }, Tell: func(x rules.Text) { told = append(told, x) }, Log: slog.New(slog.DiscardHandler)}}
	if got := k.Time(); got.Before(issued) || got.After(issued.Add(time.Minute)) {
		t.Errorf("a clock that nobody set says %v", got)
	}
	k.off = issued.Add(70 * 24 * time.Hour).Sub(now) // the cloud has said
	if got := k.Time(); !got.After(k.due(k.present.own)) {
		t.Errorf("with the cloud's time it is %v, renewal is due at %v", got, k.due(k.present.own))
	}
	now, synced = issued.Add(30*24*time.Hour), true
	if got := k.Time(); !got.Equal(now) {
		t.Errorf("a clock that is set says %v", got)
	}
	if due := k.due(k.present.own).Sub(issued).Hours() / 24; due < 57 || due > 63 {
		t.Errorf("renewed after %.1f days", due)
	}
	for day := range 100 {
		k.tell(k.present.own, issued.Add(time.Duration(day)*24*time.Hour))
	}
	if len(told) != 3 {
		t.Errorf("told %d times: %v", len(told), told)
	}
}

// The next certificate is tried in turn with the present one until a connection with it stands.
func TestTheNextCertificateIsTriedInTurn(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	f := Files{Cert: filepath.Join(dir, "gw.pem"), Key: filepath.Join(dir, "gw.key")}
	first := put(t, f, 1, now, now.Add(time.Hour))
	if err := f.commit(); err != nil {
		t.Fatal(err)
	}
	up := false
	k := &Keeper{present: first, following: put(t, f, 2, now, now.Add(time.Hour)), cfg: KeeperConfig{Files: f, Now: time.Now, Connected: func() bool { return up }, Log: slog.New(slog.DiscardHandler)}}
	var offered []int64
	for range 4 {
		if _, err := k.Certificate(nil); err != nil {
			t.Fatal(err)
		}
		offered = append(offered, k.offered.own.SerialNumber.Int64())
		if up = k.offered == first; k.settle() { // the broker takes the old one alone
			t.Error("the new one was settled without a connection")
		}
	}
	if fmt.Sprint(offered) != "[2 1 2 1]" {
		t.Errorf("offered %v", offered)
	}
	if _, err := k.Certificate(nil); err != nil {
		t.Fatal(err)
	}
	if up = true; !k.settle() || k.following != nil || k.present.own.SerialNumber.Int64() != 2 {
		t.Error("not settled")
	}
	if present, following, err := f.load(); err != nil || following != nil || present.own.SerialNumber.Int64() != 2 {
		t.Errorf("on the disk: %v", err)
	}
}
