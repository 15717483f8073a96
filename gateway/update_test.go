package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/update"
)

// A new program is brought, started in place of the installed one, crashes three times, and the installed one is back. The next is
// made by the vendor's command. The programs are scripts: what is tried is who starts whom.
func TestAnUpdateThatCrashesIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	put(t, dir, "vendor.key", string(pkcs8(t, key)))
	public, _ := key.Public().(ed25519.PublicKey)
	text, err := wire.EncodeKey(public)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "update.pem", string(text))
	// The last line is for a newer program: the installed one runs into it only when it runs the site itself.
	put(t, dir, "gateway.yaml", "site: {id: x, name: x}\ngateway: gw-1\ndata: data\ntrust: {update_key: update.pem}\nof_next_year: 1\n")
	lsu := func(version, script string) string {
		var out bytes.Buffer
		if _, err := update.Write(&out, key, update.Manifest{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH}, []byte(script)); err != nil {
			t.Fatal(err)
		}
		put(t, dir, version+".lsu", out.String())
		return filepath.Join(dir, version+".lsu")
	}
	said := func(want string, wantCode int, lang string, args ...string) {
		t.Helper()
		code, out, errs := gateway(t, dir, lang, args...)
		if code != wantCode || !strings.Contains(out+errs, want) {
			t.Errorf("%v: code %d, %s%s; want %d, %q", args, code, out, errs, wantCode, want)
		}
	}
	run := []string{"run", "--config", "gateway.yaml"}
	said("没有可回退的。没有任何改动", 1, "zh", "update", "rollback")
	said("version 1.1.0 is in place", 0, "en", "update", "apply", lsu("1.1.0", "#!/bin/sh\necho one $@\n"))
	said("one run --config", 0, "en", run...)
	s, err := update.Open(filepath.Join(dir, "data"), public)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Running("a").Confirm(); err != nil {
		t.Fatal(err)
	}
	said("版本 1.2.0 已就位", 0, "zh", "update", "apply", lsu("1.2.0", "#!/bin/sh\necho two\nexit 7\n"))
	said("还在试运行", 1, "zh", "update", "apply", lsu("1.3.0", "#!/bin/sh\n"))
	for range 3 {
		said("two", 7, "en", run...)
	}
	said("one", 0, "en", run...)
	said("version 1.2.0 was taken back: it was started 3 times", 0, "en", "update", "status")
	said("in place", 0, "en", "update", "apply", lsu("1.4.0", "no program at all"))
	said("one", 0, "en", run...) // in the same start
	said("1.4.0 was taken back: the program cannot be started", 0, "en", "update", "status")
	said(`"version":"1.1.0"`, 0, "en", "update", "status", "--json")
	said("the next start runs version", 0, "en", "update", "rollback")
	said("of_next_year", 1, "en", run...) // the installed one itself
	said("0.0.1 is in place", 0, "en", "update", "apply", madeHere(t, dir, "0.0.1"))
	said("of_next_year", 1, "en", run...) // a real program in a slot, which runs the site
	said("version 0.0.1 is on trial, started 1 times", 0, "en", "update", "status")
	said("read program", 2, "en", "update", "make", "--key", "vendor.key", "--binary", "/bin/sh", "--version", "1.0.0", "--out", "x.lsu")
}

// madeHere makes an update of this very program by the vendor's command.
func madeHere(t *testing.T, dir, version string) string {
	t.Helper()
	code, out, errs := gateway(t, dir, "en", "update", "make", "--key", "vendor.key", "--binary", os.Args[0], "--version", version, "--out", "here.lsu")
	if code != 0 || !strings.Contains(out, `"arch":"`+runtime.GOARCH) {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	return filepath.Join(dir, "here.lsu")
}

func pkcs8(t *testing.T, key ed25519.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
