package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// enrolment is a cloud with its own CA and a gateway that knows it only by what an installer types.
type enrolment struct {
	t          *testing.T
	dir        string
	page, mqtt int
	local      int
	cloud, box *process.Process
}

const enrolled = "gw-e2e1"

// certificateLife is short, so that the gateway renews while the test looks; the cloud's configuration alone makes it so.
const certificateLife = 45 * time.Second

// newEnrolment makes the files of a cloud whose certificates last for a while, and of a gateway; more are further lines of theirs.
func newEnrolment(t *testing.T, life time.Duration, moreCloud, moreGateway string) *enrolment {
	t.Helper()
	e := &enrolment{t: t, dir: t.TempDir()}
	for _, port := range []*int{&e.page, &e.mqtt, &e.local} {
		var err error
		if *port, err = freeport.Find(); err != nil {
			t.Fatal(err)
		}
	}
	e.write("cloud.yaml", "data: cloud\n")
	if out, err := e.run("cloud", "ca", "init", "--host", "127.0.0.1", "--config", "cloud.yaml"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e.write("cloud.yaml", fmt.Sprintf(`data: cloud
http: {listen: "127.0.0.1:%d", cert: cloud/ca/broker.pem, key: cloud/ca/broker.key}
mqtt: {listen: "127.0.0.1:%d", ca: cloud/ca/root.pem, cert: cloud/ca/broker.pem, key: cloud/ca/broker.key}
enroll: {broker: "mqtts://127.0.0.1:%[2]d", life: %s}
%s`, e.page, e.mqtt, life, moreCloud))
	e.write("gateway.yaml", fmt.Sprintf(`site: {id: jinxiu, name: 锦绣花园, timezone: Asia/Shanghai}
gateway: %s
data: box
cloud: {url: "mqtts://127.0.0.1:%d", ca: ca.pem, cert: gw.pem, key: gw.key}
status: {listen: "127.0.0.1:%d"}
outbox: {linger: 1s}
%schannels:
  - id: net-1
    driver: modbus-tcp
    address: 127.0.0.1:9
    devices:
      - {id: meter-1, name: 电表, profile: eastron-sdm120, address: "1", place: 配电室}
`, enrolled, e.mqtt, e.local, moreGateway))
	t.Cleanup(e.stop)
	return e
}

func (e *enrolment) write(name, text string) {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// run runs a command of a program and answers what it says.
func (e *enrolment) run(program string, args ...string) (string, error) {
	cmd := exec.CommandContext(e.t.Context(), filepath.Join(bin, program), args...)
	cmd.Dir, cmd.Env = e.dir, append(os.Environ(), "LC_ALL=en_US.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (e *enrolment) start(program string, args ...string) *process.Process {
	e.t.Helper()
	p, err := process.Start(e.dir, program, filepath.Join(bin, program), append([]string{"run"}, args...)...)
	if err != nil {
		e.t.Fatal(err)
	}
	return p
}

func (e *enrolment) stop() {
	for _, p := range []*process.Process{e.box, e.cloud} {
		if p != nil {
			if err := p.Stop(); err != nil {
				e.t.Error(err)
			}
		}
	}
	if e.t.Failed() {
		for _, name := range []string{"cloud", "gateway"} {
			e.t.Logf("--- %s\n%s", name, e.log(name))
		}
	}
}

func (e *enrolment) log(name string) string {
	text, _ := os.ReadFile(filepath.Join(e.dir, name+".log"))
	return string(text[max(0, len(text)-6000):])
}

// standing is the gateway's line of cloud gateway list.
func (e *enrolment) standing() string {
	out, err := e.run("cloud", "gateway", "list", "--config", "cloud.yaml", "--lang", "en")
	if err != nil {
		e.t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, enrolled) {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return ""
}

// metric is one of the gateway's own figures; empty while it does not answer.
func (e *enrolment) metric(name string) string {
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", e.local), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return value
		}
	}
	return ""
}

func (e *enrolment) is(what func() string, want string) func() error {
	return func() error {
		if got := what(); got != want {
			return fmt.Errorf("%q, want %q", got, want)
		}
		return nil
	}
}

func (e *enrolment) connected() string { return e.metric("linshao_uplink_connected") }

// The whole life of a certificate, with the programs as built: a wrong token, the right one, the connection, records, a
// renewal, the end.
func TestEnrolment(t *testing.T) {
	t.Parallel() // it waits for certificates
	e := newEnrolment(t, certificateLife, "", "")
	e.cloud = e.start("cloud", "--config", "cloud.yaml")
	eventually(t, 30*time.Second, "the cloud answers", func() error { return process.Accepts(fmt.Sprintf("127.0.0.1:%d", e.page)) })
	token := e.token()
	url := fmt.Sprintf("https://127.0.0.1:%d", e.page)
	enroll := func(token, cloud string) (string, error) {
		return e.run("gateway", "--lang", "zh", "enroll", "--config", "gateway.yaml", "--cloud", cloud, "--token", token)
	}
	for _, c := range []struct{ what, token, cloud, want string }{
		{"mistyped", token[:len(token)-1] + "?", url, "抄错"},
		{"plain HTTP to elsewhere", token, "http://192.0.2.1:80", "https://"},
		{"nobody there", token, "https://127.0.0.1:1", "连不上云端"},
		{"a fake cloud", token, e.fake(t), "不是注册码所指的云端"},
	} {
		if out, err := enroll(c.token, c.cloud); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v, %s", c.what, err, out)
		}
	}
	if out, err := enroll(token, url); err != nil || !strings.Contains(out, "已注册 "+enrolled) {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := enroll(token, url); err == nil || !strings.Contains(out, "已用过") {
		t.Errorf("the token worked twice: %v, %s", err, out)
	}
	first := e.key(t)
	e.box = e.start("gateway", "--config", "gateway.yaml")
	eventually(t, 30*time.Second, "the gateway is connected", e.is(e.connected, "1"))
	eventually(t, 30*time.Second, "its records are acknowledged", func() error {
		if n := e.metric(`linshao_uplink_acked_records_total{stream="events"}`); n == "" || n == "0" {
			return fmt.Errorf("%q records", n)
		}
		return nil
	})
	before := e.standing()
	if !strings.Contains(before, " valid ") {
		t.Errorf("before: %s", before)
	}
	eventually(t, 2*certificateLife, "another certificate is in use", func() error {
		if now := e.standing(); shorter(now) == shorter(before) || !strings.Contains(now, " valid ") && !strings.Contains(now, " late ") {
			return errors.New(now)
		}
		return nil
	})
	eventually(t, 20*time.Second, "connected with it", e.is(e.connected, "1"))
	eventually(t, 20*time.Second, "another key has its place", func() error {
		if bytes.Equal(e.key(t), first) {
			return errors.New("the key is that of before")
		}
		return nil
	})
	e.searchKeys(t, first, e.key(t))
	began := time.Now()
	if out, err := e.run("cloud", "gateway", "revoke", enrolled, "--reason", "stolen", "--config", "cloud.yaml"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, 10*time.Second, "it is cut off", e.is(e.connected, "0"))
	t.Logf("cut off %v after the revocation was asked for", time.Since(began).Round(10*time.Millisecond))
	eventually(t, 60*time.Second, "it is refused when it comes back", func() error {
		if !strings.Contains(e.log("cloud"), "client refused") {
			return errors.New("not refused")
		}
		return nil
	})
	if got := e.connected(); got != "0" {
		t.Errorf("connected: %s", got)
	}
	if now := e.standing(); !strings.Contains(now, "revoked") {
		t.Errorf("after: %s", now)
	}
}

// shorter is the end of a line: the fingerprint.
func shorter(line string) string { return line[strings.LastIndexByte(line, ' ')+1:] }

// token invites the gateway and reads what an installer would write down.
func (e *enrolment) token() string {
	e.t.Helper()
	out, err := e.run("cloud", "gateway", "enroll", enrolled, "--site", "jinxiu", "--config", "cloud.yaml")
	if err != nil {
		e.t.Fatalf("%v\n%s", err, out)
	}
	token := regexp.MustCompile(`LS1(-[0-9A-Z]{5}){11}`).FindString(out)
	if token == "" {
		e.t.Fatalf("no token in\n%s", out)
	}
	return token
}

// fake is a page with the right name and a certificate of another CA, that takes everything.
func (e *enrolment) fake(t *testing.T) string {
	t.Helper()
	e.write("fake.yaml", "data: fake\n")
	if out, err := e.run("cloud", "ca", "init", "--host", "127.0.0.1", "--config", "fake.yaml"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(e.dir, "fake/ca/broker.pem"), filepath.Join(e.dir, "fake/ca/broker.key"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 10)
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard <- string(body)
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Shutdown(context.WithoutCancel(t.Context()))
		if len(heard) > 0 {
			t.Errorf("the fake cloud was told %s", <-heard)
		}
	})
	return "https://" + l.Addr().String()
}

// key is the secret number of the gateway's key.
func (e *enrolment) key(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, "gw.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := parsed.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// searchKeys looks for keys in all that the cloud keeps and in its memory; the id of the gateway, which must be there, shows
// that the search works.
func (e *enrolment) searchKeys(t *testing.T, keys ...[]byte) {
	t.Helper()
	found, seen := 0, 0
	look := func(data []byte) {
		seen += bytes.Count(data, []byte(enrolled))
		for _, k := range keys {
			found += bytes.Count(data, k) + bytes.Count(data, fmt.Appendf(nil, "%x", k))
		}
	}
	err := filepath.WalkDir(filepath.Join(e.dir, "cloud"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		look(data)
		return err
	})
	if err != nil || seen == 0 {
		t.Errorf("the search of the cloud's files saw the gateway %d times: %v", seen, err)
	}
	seen = 0
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", e.cloud.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", e.cloud.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var may string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &may); err != nil || !strings.HasPrefix(may, "rw") {
			continue
		}
		data := make([]byte, min(to-from, 256<<20))
		n, _ := memory.ReadAt(data, from) // a part that is not there is read as far as it is
		look(data[:n])
	}
	if seen == 0 {
		t.Error("the search of the cloud's memory did not see the gateway")
	}
	if found > 0 {
		t.Errorf("a key of the gateway is %d times in the cloud", found)
	}
}
