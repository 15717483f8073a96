package doctor_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/doctor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site writes a small site and answers its file.
func site(t *testing.T, cloud, channels string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "gateway.yaml")
	text := "site: {id: jinxiu, name: 锦绣花园, timezone: Asia/Shanghai}\ngateway: gw-1\ncloud: {" + cloud + "}\nchannels:\n" + channels
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func look(t *testing.T, cfg doctor.Config) []doctor.Finding {
	t.Helper()
	cfg.Lang, cfg.Version = config.English, "v1"
	return doctor.Look(t.Context(), cfg)
}

// find answers the finding with a code.
func find(t *testing.T, found []doctor.Finding, code string) doctor.Finding {
	t.Helper()
	for _, f := range found {
		if f.Code == code {
			if f.Said.ZH == "" || f.Said.EN == "" || f.Area.ZH == "" || f.Area.EN == "" {
				t.Errorf("%s is not told in both languages: %+v", code, f)
			}
			return f
		}
	}
	t.Fatalf("no finding %s in %+v", code, found)
	return doctor.Finding{}
}

func TestAPortThatIsNotThereOrHeld(t *testing.T) {
	port := linetest.New(t).Path
	held, err := os.OpenFile(port, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "60")
	other.ExtraFiles = []*os.File{held}
	if err := errors.Join(other.Start(), held.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = other.Process.Kill() // it ends with that
		_ = other.Wait()
	})
	file := site(t, "", "  - {id: a, driver: modbus-rtu, address: /dev/does-not-exist}\n  - {id: b, driver: dlt645, address: "+port+"}\n")
	found := look(t, doctor.Config{File: file})
	if f := find(t, found, "port_missing"); f.Level != doctor.Problem || !strings.HasPrefix(f.Subject, "/dev/does-not-exist a") {
		t.Errorf("%+v", f)
	}
	if f := find(t, found, "port_held"); !strings.Contains(f.Said.EN, fmt.Sprintf("held by process %d (", other.Process.Pid)) || !strings.Contains(f.Next[0].EN, "disable --now ") {
		t.Errorf("%+v", f)
	}
	if doctor.Worst(found) != doctor.Problem {
		t.Error(doctor.Worst(found))
	}
}

func TestABrokenConfigurationIsStillLookedAt(t *testing.T) {
	file := site(t, "", "  - {id: a, driver: nonsense}\n")
	f := find(t, look(t, doctor.Config{File: file}), "config")
	if f.Level != doctor.Problem || !strings.Contains(f.Next[0].EN, "gateway check config") {
		t.Errorf("%+v", f)
	}
}

func TestWhatARunningGatewaySays(t *testing.T) {
	file := site(t, `url: "mqtt://127.0.0.1:1"`, "  []\n")
	now := time.Now()
	found := look(t, doctor.Config{File: file, Running: &doctor.Running{Started: now.Add(-50 * time.Hour), Version: "v0", Uplink: "offline", Degraded: now, Cause: "no space left", Ill: "panic"}})
	for _, code := range []string{"other_version", "disk_takes_nothing", "rules_ill", "uplink"} {
		find(t, found, code)
	}
	if f := find(t, found, "uplink"); f.Level != doctor.Problem || !strings.Contains(f.Said.EN, "refused (nothing listens there)") {
		t.Errorf("%+v", f)
	}
	connected := look(t, doctor.Config{File: file, Running: &doctor.Running{Started: now, Version: "v1", Uplink: "connected", Backlog: 7}})
	last := connected[len(connected)-1]
	if last.Level != doctor.Well || last.Said.ZH != "已连接，待上传 7 条" {
		t.Errorf("%+v", last)
	}
}

// pair writes a self-signed certificate that ends at a time.
func pair(t *testing.T, dir, name string, end time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gw-1"}, NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestCertificatesThatEnd(t *testing.T) {
	for _, c := range []struct {
		left  time.Duration
		level doctor.Level
		said  string
	}{{-time.Hour, doctor.Problem, "expired"}, {12*24*time.Hour + time.Hour, doctor.Warning, "expires in 12 days"}, {100*24*time.Hour + time.Hour, doctor.Well, "valid for 100 days"}} {
		dir := t.TempDir()
		cert, key := pair(t, dir, "gw", time.Now().Add(c.left))
		file := site(t, `url: "mqtts://127.0.0.1:1", cert: `+cert+", key: "+key, "  []\n")
		found := look(t, doctor.Config{File: file})
		at := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Subject == cert })
		if at < 0 || found[at].Level != c.level || !strings.Contains(found[at].Said.EN, c.said) {
			t.Errorf("%v: %+v", c.left, found)
		}
	}
}

func TestAHostThatDoesNotAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := l.Addr().String()
	file := site(t, "", "  - {id: a, driver: modbus-tcp, address: \"127.0.0.1:1\"}\n  - {id: b, driver: modbus-tcp, address: \""+open+"\"}\n")
	found := look(t, doctor.Config{File: file})
	if f := find(t, found, "host_unreachable"); f.Subject != "127.0.0.1:1 a" {
		t.Errorf("%+v", f)
	}
	if at := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Subject == open+" b" && f.Level == doctor.Well }); at < 0 {
		t.Errorf("%+v", found)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestALineThatCannotBeLookedAt(t *testing.T) {
	devices := "    devices: [{id: %s, name: m, profile: eastron-sdm120, address: \"1\"}]\n"
	file := site(t, "", "  - id: a\n    driver: modbus-rtu\n    address: "+linetest.New(t).Path+"\n"+fmt.Sprintf(devices, "m")+
		"  - id: b\n    driver: modbus-rtu\n    address: /dev/does-not-exist\n"+fmt.Sprintf(devices, "n"))
	found := look(t, doctor.Config{File: file, Read: func(_ context.Context, ch config.Channel) (doctor.Line, error) {
		return doctor.Line{}, errors.New("lent to a scan of " + ch.ID)
	}})
	if f := find(t, found, "line_not_looked_at"); !strings.Contains(f.Said.ZH, "lent to a scan of a") {
		t.Errorf("%+v", f)
	}
	if slices.ContainsFunc(found, func(f doctor.Finding) bool { return strings.Contains(f.Said.EN, "of b") }) {
		t.Error("a line is told of whose port is not there")
	}
}

func TestTheBundleHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(dir, "cam.password")
	if err := os.WriteFile(password, []byte("admin:zauber-wort\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cert, key := pair(t, dir, "gw", time.Now().Add(time.Hour))
	file := site(t, `url: "mqtts://127.0.0.1:1", cert: `+cert+", key: "+key,
		"  - id: cams\n    driver: rtsp\n    devices: [{id: c, name: 王 13812345678, profile: generic-rtsp, address: \"rtsp://10.0.0.9/s\", password_file: "+password+"}]\n")
	data := filepath.Join(filepath.Dir(file), "data")
	if err := os.WriteFile(filepath.Join(data, "claim.code"), []byte("7K20Q91XD04R\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	private, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	log := "code 7K20-Q91X-D04R 7K20Q91XD04R rtsp://admin:zauber-wort@10.0.0.9/s zauber-wort password=hunter22 key: 00112233445566778899aabbccddeeff ff00112233445566778899aabbccddee\n" + string(private)
	var b bytes.Buffer
	cfg := doctor.Config{File: file, Lang: config.Chinese, Version: "v1"}
	if err := doctor.Bundle(&b, cfg, doctor.Look(t.Context(), cfg), []doctor.Part{{Name: "log.txt", Data: []byte(log)}}); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || r.Close() != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"zauber-wort", "7K20", "13812345678", "hunter22", "00112233445566", strings.Split(string(private), "\n")[1]} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q:\n%s", f.Name, secret, text)
			}
		}
	}
	for _, want := range []string{"doctor.json", "config/gateway.yaml", "data.txt", "log.txt"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not in the bundle: %v", want, names)
		}
	}
}

// TestTheBundleOfABrokenSiteHoldsNoSecret: what cannot be loaded is what a bundle is made of, and its secrets are still some.
func TestTheBundleOfABrokenSiteHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "gateway.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("meter.password", "00000007:02246813\n")
	write("card.key", "geheimer-schluessel\n")
	write("gateway.yaml", `site: {id: t, card_key_file: card.key}
include: found.d
status: {user: admin, password: 'ein ganzer satz'}
uplink: {api_key: "sesam oeffne dich", url: "mqtts://gw:per/cent@sign@broker:8883"}
channels: [{id: a, driver: serial, address: /dev/null, devices: [{id: m, name: 王 +86 138-1234-5678, password_file: "meter.password"}]}]
not-a-key: 1
`)
	write("found.d/x.yaml", "channel: a\ntoken: in-a-fragment\n")
	log := "Authorization: Basic YWRtaW46YWRtaW4= meter 02246813 key geheimer-schluessel phone 8613812345678 and 139 1234 5678 cookie linshao_session=ABCDEFGHIJKLMNOPQRSTUVWXYZ\n密码：wasser\n"
	var b bytes.Buffer
	if err := doctor.Bundle(&b, doctor.Config{File: file, Lang: config.Chinese}, doctor.Look(t.Context(), doctor.Config{File: file, Lang: config.Chinese, Version: "v1"}), []doctor.Part{{Name: "log.txt", Data: []byte(log)}}); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	fragment := false
	for _, f := range z.File {
		fragment = fragment || f.Name == "config/found.d/x.yaml"
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || r.Close() != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"02246813", "geheimer", "ganzer", "satz", "sesam", "oeffne", "per/cent", "sign@", "1234-5678", "1234 5678", "13812345678", "in-a-fragment", "YWRtaW4", "ABCDEF", "wasser"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q:\n%s", f.Name, secret, text)
			}
		}
	}
	if !fragment {
		t.Error("the fragment is not in the bundle")
	}
}
