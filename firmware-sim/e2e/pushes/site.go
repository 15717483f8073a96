package pushes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

const profile = `model: probe
title: {zh: 探头, en: Probe}
kind: meter
protocol: modbus
source: firmware-sim/e2e/pushes
poll: 5s
points:
  - {name: power, unit: W, at: holding 0, type: u16}
`

// The parts of a set tell its number: the rule in its title, the device in its place, the override by even and odd.
func parts(n int) map[string]string {
	mode := "notify-only"
	if n%2 == 1 {
		mode = "shadow"
	}
	return map[string]string{
		"rules/proof.yaml": fmt.Sprintf("rules:\n  - id: P\n    title: {zh: 第%d套, en: set %[1]d}\n    kind: meter\n    params: {most: 100 W}\n    expr: power > most\n"+
			"    for: 4s\n    severity: B\n    mode: notify-only\n    message: {zh: \"{power}\", en: \"{power}\"}\n", n),
		"devices.d/proof.yaml": fmt.Sprintf("channel: lan\ndevices:\n  - {id: probe, name: 探头, profile: probe, address: \"1\", place: set-%d-end}\n", n),
		"overrides.yaml":       fmt.Sprintf("P: {mode: %s}\n", mode),
	}
}

// A site is broker, cloud and gateway.
type site struct {
	o                  Options
	broker             string
	mqtt, page, status string
	gateway            *process.Process
	started            int
	others             []*process.Process
}

func open(ctx context.Context, o Options) (*site, error) {
	s := &site{o: o}
	for _, to := range []*string{&s.mqtt, &s.page, &s.status} {
		port, err := freeport.Find()
		if err != nil {
			return nil, err
		}
		*to = fmt.Sprintf("127.0.0.1:%d", port)
	}
	if err := errors.Join(s.startCloud(ctx), s.writeSite(ctx)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) startCloud(ctx context.Context) error {
	p, name, err := process.Broker(ctx, s.o.Dir, s.mqtt)
	if p != nil {
		s.others = append(s.others, p)
	}
	if err != nil {
		return err
	}
	s.broker = name
	mqtt := "{listen: \"" + s.mqtt + "\"}"
	if name == "mosquitto" {
		mqtt = "{url: \"mqtt://" + s.mqtt + "\"}"
	}
	if err := s.write("cloud.yaml", fmt.Sprintf("data: cloud\nhttp: {listen: %q}\nmqtt: %s\n", s.page, mqtt)); err != nil {
		return err
	}
	cloud, err := process.Start(s.o.Dir, "cloud", s.program("cloud"), "run", "--config", "cloud.yaml", "--demo")
	if err != nil {
		return err
	}
	s.others = append(s.others, cloud)
	return process.Until(ctx, 30*time.Second, func() error { return process.Answers("http://" + s.page + "/healthz") })
}

func (s *site) writeSite(ctx context.Context) error {
	key, err := s.cloud(ctx, "command-key")
	if err != nil {
		return err
	}
	own := parts(0)
	return errors.Join(s.write("command.pem", key), s.write("profiles/probe.yaml", profile), s.write("rules/proof.yaml", own["rules/proof.yaml"]),
		s.write("devices.d/proof.yaml", own["devices.d/proof.yaml"]), s.write("gateway.yaml", fmt.Sprintf(`site: {id: proof, name: 证明, timezone: Asia/Shanghai}
gateway: gw-proof
data: data
profiles: profiles
rules: rules
trust: {command_key: command.pem}
cloud: {url: "mqtt://%s"}
status: {listen: %q}
channels:
  - {id: lan, driver: modbus-tcp, address: "127.0.0.1:9"}
`, s.mqtt, s.status)))
}

func (s *site) start() (err error) {
	s.started++
	s.gateway, err = process.Start(s.o.Dir, "gateway", s.program("gateway"), "run", "--config", "gateway.yaml")
	return err
}

func (s *site) close() {
	if s.gateway != nil {
		s.gateway.Kill()
	}
	for i := len(s.others) - 1; i >= 0; i-- {
		_ = s.others[i].Stop() // the result is known already
	}
}

func (s *site) program(name string) string { return filepath.Join(s.o.Bin, name) }

func (s *site) write(name, text string) error { return process.Write(s.o.Dir, name, text) }

// cloud runs a command of the cloud, beside the one that runs.
func (s *site) cloud(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.program("cloud"), append(args, "--config", "cloud.yaml")...)
	cmd.Dir = s.o.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cloud %s: %w: %.500s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// push lets the cloud want a set.
func (s *site) push(ctx context.Context, n int) error {
	args := []string{"gateway", "config", "push", "gw-proof"}
	for name, text := range parts(n) {
		if err := s.write("sets/"+name, text); err != nil {
			return err
		}
		args = append(args, "sets/"+name)
	}
	_, err := s.cloud(ctx, append(args, "--reason", "proof", "--watch", watch.String())...)
	return err
}

// A standing is what the cloud says of the newest set.
type standing struct {
	revision, inForce int
	state             string // applied, reverted, or another
	text              string
}

var shown = regexp.MustCompile(`wanted is revision (\d+): (.*); in force is revision (\d+)`)

func (s *site) says(ctx context.Context) (standing, error) {
	out, err := s.cloud(ctx, "gateway", "config", "show", "gw-proof", "--lang", "en")
	if err != nil {
		return standing{}, err
	}
	m := shown.FindStringSubmatch(out)
	if m == nil {
		return standing{}, fmt.Errorf("the cloud says %s", out)
	}
	said := standing{text: strings.TrimSpace(out), state: m[2]}
	said.revision, _ = strconv.Atoi(m[1]) // digits, by the expression
	said.inForce, _ = strconv.Atoi(m[3])
	if said.state == "taken back by the gateway" {
		said.state = "reverted"
	}
	return said, nil
}

// connected says whether the gateway is.
func (s *site) connected(ctx context.Context) error {
	_, text, err := s.get(ctx, "/metrics")
	if err == nil && !strings.Contains(text, "\nlinshao_uplink_connected 1\n") {
		err = errors.New("it is not connected")
	}
	return err
}

func (s *site) get(ctx context.Context, path string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.status+path, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// mixed says that the parts that a gateway goes by are of several sets.
type mixed struct{ rule, device, shadow string }

func (m *mixed) Error() string {
	return fmt.Sprintf("the rule is %q, the device is at %q, shadow %s", m.rule, m.device, m.shadow)
}

var place = regexp.MustCompile(`set-(\d+)-end`)

// runs answers by which set the gateway goes: the same before and after the look, so that it was not changing meanwhile.
func (s *site) runs(ctx context.Context) (int, error) {
	device := func() (string, error) {
		code, text, err := s.get(ctx, "/plain")
		if m := place.FindStringSubmatch(text); err == nil && m != nil {
			return m[1], nil
		}
		return "", errors.Join(err, fmt.Errorf("page: HTTP status %d", code))
	}
	before, err := device()
	if err != nil {
		return 0, err
	}
	code, text, err := s.get(ctx, "/api/rules/why?rule=P&subject=probe")
	if err != nil || code != http.StatusOK {
		return 0, errors.Join(err, fmt.Errorf("why: HTTP status %d: %s", code, text))
	}
	var why struct {
		Title  struct{ EN string }
		Shadow bool
	}
	if err := json.Unmarshal([]byte(text), &why); err != nil {
		return 0, fmt.Errorf("why: %w", err)
	}
	after, err := device()
	if err != nil || before != after {
		return 0, errors.Join(err, errors.New("it changes"))
	}
	n, err := strconv.Atoi(before)
	if err != nil {
		return 0, err
	}
	if why.Title.EN != "set "+before || why.Shadow != (n%2 == 1) {
		return 0, &mixed{why.Title.EN, before, strconv.FormatBool(why.Shadow)}
	}
	return n, nil
}
