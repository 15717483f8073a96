package e2e_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/cloud/wire/program"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// A keeper starts the gateway again whenever it ends, as systemd does.
type keeper struct {
	mu     sync.Mutex
	now    *process.Process
	starts int
}

func (e *enrolment) keep() *keeper {
	e.t.Helper()
	k, quit, over := &keeper{}, make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			p, err := process.Start(e.dir, "gateway", filepath.Join(bin, "gateway"), "run", "--config", "gateway.yaml")
			if err != nil {
				over <- err
				return
			}
			k.mu.Lock()
			k.now, k.starts = p, k.starts+1
			k.mu.Unlock()
			select {
			case <-quit:
				over <- p.Stop()
				return
			case <-p.Done():
			}
			process.Pause(e.t.Context(), 200*time.Millisecond)
		}
	}()
	e.t.Cleanup(func() {
		close(quit)
		if err := <-over; err != nil {
			e.t.Error(err)
		}
	})
	return k
}

// kill is kill -9, once.
func (k *keeper) kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now.Kill()
}

func (k *keeper) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.starts
}

// must runs a command that has to succeed, and answers what it says.
func (e *enrolment) must(program string, args ...string) string {
	e.t.Helper()
	out, err := e.run(program, args...)
	if err != nil {
		e.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return out
}

// update runs a command around rollouts.
func (e *enrolment) update(args ...string) (string, error) {
	return e.run("cloud", append(append([]string{"update"}, args...), "--config", "cloud.yaml", "--lang", "en")...)
}

// says waits until the rollout's status holds some words.
func (e *enrolment) says(limit time.Duration, words ...string) {
	e.t.Helper()
	eventually(e.t, limit, strings.Join(words, ", "), func() error {
		out, err := e.update("status")
		for _, w := range words {
			if err == nil && !strings.Contains(out, w) {
				err = fmt.Errorf("no %q in\n%s", w, out)
			}
		}
		return err
	})
}

// newVendor writes the vendor's two keys, and answers the secret one.
func (e *enrolment) newVendor() ed25519.PrivateKey {
	e.t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		e.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		e.t.Fatal(err)
	}
	text, err := wire.EncodeKey(public)
	if err != nil {
		e.t.Fatal(err)
	}
	e.write("vendor.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	e.write("update.pem", string(text))
	return key
}

// publish makes an update of any bytes, signed by a key, and publishes it.
func (e *enrolment) publish(key ed25519.PrivateKey, version string, text []byte) (string, error) {
	e.t.Helper()
	var out bytes.Buffer
	if _, err := program.Write(&out, key, program.Manifest{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH}, text); err != nil {
		e.t.Fatal(err)
	}
	e.write(version+".lsu", out.String())
	return e.update("publish", version+".lsu")
}

// build makes the gateway of a version: packages are those of the programs that are there already, it is only linked anew.
func (e *enrolment) build(version string) string {
	e.t.Helper()
	name := filepath.Join(e.dir, "gateway-"+version)
	cmd := exec.CommandContext(e.t.Context(), "go", "build", "-ldflags", "-s -w -X main.release="+version, "-o", name, "./gateway")
	cmd.Dir, cmd.Env = repository, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("build %s: %v\n%s", version, err, out)
	}
	return name
}

// A program of the vendor is published in the cloud, fetched by a gateway that is killed meanwhile, tried and kept. One that does not
// come up is taken back, and its rollout stops by itself. A stranger's is not published, an older one not taken.
func TestRollout(t *testing.T) {
	t.Parallel() // it waits for trials
	e := newEnrolment(t, time.Hour, "update: {key: update.pem, rate_kib: 3072}\n", "trust: {update_key: update.pem}\n")
	vendor := e.newVendor()
	e.cloud = e.start("cloud", "--config", "cloud.yaml")
	eventually(t, 30*time.Second, "the cloud answers", func() error { return process.Accepts(fmt.Sprintf("127.0.0.1:%d", e.page)) })
	e.must("gateway", "--lang", "zh", "enroll", "--config", "gateway.yaml", "--cloud", fmt.Sprintf("https://127.0.0.1:%d", e.page), "--token", e.token())
	box := e.keep()
	if out, err := e.publish(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), "9.9.9", []byte("stranger")); err == nil || !strings.Contains(out, "signature") {
		t.Errorf("a stranger's program: %v\n%s", err, out)
	}
	e.must("gateway", "update", "make", "--key", "vendor.key", "--binary", e.build("9.1.0"), "--version", "9.1.0", "--out", "9.1.0.lsu")
	if out, err := e.update("publish", "9.1.0.lsu"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, 30*time.Second, "the gateway is connected", e.is(e.connected, "1"))
	begin := func(version string) {
		t.Helper()
		if out, err := e.update("start", version, "--reason", "e2e", "--watch", "30s"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	begin("9.1.0")
	eventually(t, time.Minute, "a part of the file is there", e.fetching)
	box.kill()
	e.says(time.Minute, enrolled, "on trial")
	e.says(2*time.Minute, "9.1.0", "applied")
	if out := e.must("gateway", "update", "status", "--config", "gateway.yaml", "--json"); !strings.Contains(out, `"version":"9.1.0"`) || strings.Contains(out, `"trial":`) {
		t.Errorf("the gateway says\n%s", out)
	}
	if n := e.metric(`linshao_desired_revision{about="update",state="applied"}`); n != "1" {
		t.Errorf("in force is rollout %q", n)
	}

	text, err := os.ReadFile(filepath.Join(bin, "firmware-sim")) // a real program, but none that can be a gateway
	if err != nil {
		t.Fatal(err)
	}
	if out, err := e.publish(vendor, "9.2.0", text); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before := box.count()
	begin("9.2.0")
	e.says(2*time.Minute, "taken back", "it was started 3 times and never confirmed", "stopped: gateway "+enrolled+" took the version back")
	if n := box.count() - before; n < 4 || n > 5 {
		t.Errorf("the gateway was started %d times", n)
	}
	eventually(t, 30*time.Second, "the one before is connected again", e.is(e.connected, "1"))
	if n := e.metric(`linshao_desired_revision{about="update",state="refused"}`); n != "2" {
		t.Errorf("refused is rollout %q", n)
	}
	if out, err := e.publish(vendor, "9.0.0", []byte("old")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	begin("9.0.0")
	e.says(time.Minute, "refused", "older than the present 9.1.0")
	if out := e.must("gateway", "update", "status", "--config", "gateway.yaml", "--json"); !strings.Contains(out, `"version":"9.1.0"`) {
		t.Errorf("the gateway says\n%s", out)
	}
}

// fetching says whether a part of an update, and not all of it, is on the gateway's disk.
func (e *enrolment) fetching() error {
	found, err := filepath.Glob(filepath.Join(e.dir, "box", "update", "fetched-*"))
	if err != nil || len(found) == 0 {
		return errors.Join(errors.New("nothing is there"), err)
	}
	info, err := os.Stat(found[0])
	if err == nil && info.Size() < 1<<20 {
		err = fmt.Errorf("%d bytes", info.Size())
	}
	return err
}
