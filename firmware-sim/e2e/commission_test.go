package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// session is the recorded terminal session, for people to read. LINSHAO_SHOTS=1 writes it anew.
const session = "commission_session.txt"

// An installer is somebody at a terminal beside the demo's lines, with the programs as built. What happens is on record.
type installer struct {
	t      *testing.T
	dir    string
	record strings.Builder
}

const file = "bus-gateway.yaml"

// newInstaller has the demo's lines played in a folder of its own.
func newInstaller(t *testing.T) *installer {
	i := &installer{t: t, dir: t.TempDir()}
	for _, name := range []string{"bus.yaml", file} {
		text, err := os.ReadFile(filepath.Join(repository, "configs/demo", name))
		if err != nil {
			t.Fatal(err)
		}
		port, err := freeport.Find()
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte("127.0.0.1:8082"), fmt.Appendf(nil, "127.0.0.1:%d", port), 1)
		if err := os.WriteFile(filepath.Join(i.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	i.start("sim", "firmware-sim", "play", "bus.yaml", "--dir", "bus")
	eventually(t, 30*time.Second, "the lines are there", func() error {
		_, err := os.Stat(filepath.Join(i.dir, "bus/rs485-4"))
		return err
	})
	return i
}

// start runs a program until the test is over.
func (i *installer) start(name, program string, args ...string) *process.Process {
	p, err := process.Start(i.dir, name, filepath.Join(bin, program), args...)
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			i.t.Error(err)
		}
		if log, err := os.ReadFile(filepath.Join(i.dir, name+".log")); err == nil && i.t.Failed() {
			i.t.Logf("--- %s\n%s", name, log[max(0, len(log)-2000):])
		}
	})
	return p
}

// types runs a command of the gateway and checks how it ends and what it says. What is typed and seen goes on record.
func (i *installer) types(line string, code int, want ...string) {
	i.t.Helper()
	i.interrupted(nil, line, code, want...)
}

// tries is how often what only reads may be typed until it says what it should: on a busy machine the lines' answers come late too.
const tries = 5

// interrupted is types with a Ctrl-C as soon as the output has what stop looks for.
func (i *installer) interrupted(stop *regexp.Regexp, line string, code int, want ...string) {
	i.t.Helper()
	left := tries
	if strings.HasPrefix(line, "gateway claim") || strings.HasPrefix(line, "gateway unclaim") {
		left = 1
	}
	for {
		text, got := i.once(stop, line)
		wrong := ""
		if got != code {
			wrong = fmt.Sprintf("exit %d, want %d", got, code)
		}
		for _, w := range want {
			if !regexp.MustCompile(w).MatchString(text) {
				wrong += fmt.Sprintf("; nothing like %q", w)
			}
		}
		if left--; wrong != "" && left > 0 {
			i.t.Logf("%s: %s; once more\n%s", line, wrong, text)
			process.Pause(i.t.Context(), 2*time.Second) // somebody whose lines are gone may still hold a pty of the same number
			continue
		}
		if wrong != "" {
			i.t.Errorf("%s: %s\n%s", line, wrong, text)
		}
		if stop != nil {
			text += "^C "
		}
		fmt.Fprintf(&i.record, "$ %s\n%sexit %d\n\n", line, text, got)
		return
	}
}

// once runs a command once.
func (i *installer) once(stop *regexp.Regexp, line string) (text string, code int) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+line)
	cmd.Dir = i.dir
	cmd.Env = append(os.Environ(), "LANG=zh_CN.UTF-8", "LC_ALL=zh_CN.UTF-8", "PATH="+bin+":"+os.Getenv("PATH"))
	seen := &screen{stop: stop, enough: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = seen, seen
	if err := cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	if stop != nil {
		select {
		case <-seen.enough:
			_ = cmd.Process.Signal(syscall.SIGINT) // one that has ended has another exit code
		case <-ctx.Done():
		}
	}
	var ended *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &ended) {
		i.t.Fatal(err)
	}
	return strings.ReplaceAll(seen.text.String(), i.dir+"/", ""), cmd.ProcessState.ExitCode()
}

// note puts a line for the reader on record.
func (i *installer) note(text string) { i.record.WriteString("# " + text + "\n") }

// A screen keeps what a program says. One goroutine writes: both streams are the same file to it.
type screen struct {
	text   bytes.Buffer
	stop   *regexp.Regexp
	enough chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	n, err := s.text.Write(p)
	if s.stop != nil && s.stop.Match(s.text.Bytes()) {
		s.stop = nil
		close(s.enough)
	}
	return n, err
}

// TestCommissioning is the story of a new installer at the demo's lines: a duplicate address, a dead detector, a meter of which
// nobody has a map, other settings on the second line, an echo on the third, nobody on the fourth.
func TestCommissioning(t *testing.T) {
	i := newInstaller(t)
	with := " --config " + file
	i.note("第一条线上有谁？网关还没有运行，命令自己开串口")
	i.types("gateway scan"+with+" --bus rs485-1 --addr 1-16 --timeout 200ms", 1, `(?m)^1 .* meter-1$`, `(?m)^2 .* 新$`, `(?m)^12 +未知 .*4x0001–4x0016`, `(?m)^15 .*疑似同址$`,
		`地址 15：疑似两台设备同址`, `已配置的 gas-7（地址 7）没有应答`, `gateway claim --config bus-gateway.yaml --bus rs485-1 --addr 2 --profile eastron-sdm630`)
	i.note("12 号没有资料：逐个寄存器看")
	i.types("gateway probe 12"+with+" --bus rs485-1 --registers 0-15 --space holding", 0, `231\.4 V`, `50\.02 Hz`, `--emit my-model`)
	i.note("铭牌上写着 SDM630：按型号认领；再认领一次会被拒绝")
	i.types("gateway claim"+with+" --bus rs485-1 --addr 2 --profile eastron-sdm630 --name '2 栋总表'", 0, `已认领  meter-2  2 栋总表  rs485-1`, `网关没有运行，启动时采用`)
	i.types("gateway claim"+with+" --bus rs485-1 --addr 2 --profile eastron-sdm630", 1, `已是 meter-2（.*claimed-rs485-1-2\.yaml）`)
	i.note("另一条线的参数与文件不符：扫描会试；片段里写着找到的参数")
	i.types("gateway scan"+with+" --bus rs485-2 --addr 3 --baud 4800-8E1,2400-8E1 --emit > new.yaml", 0, `找到 2 台`)
	i.types("cat new.yaml", 0, `(?m)^# .*gateway claim 本文件`, `id: meter-12345, profile: dlt645-2007, address: "000000012345", baud: 2400, parity: even`)
	i.types("gateway claim"+with+" new.yaml", 0, `已认领  meter-12345`)
	i.note("与表计的显示对照")
	i.types("gateway read meter-2"+with+" --raw --shows energy=77.5", 0, `voltage_l1 +2\d\d\.`, `energy .*✓`, `0x0048 / 3x0073`)
	i.types("gateway read gas-7"+with, 3, `坏 没有应答`, `gateway doctor --config bus-gateway.yaml`)

	i.note("网关运行以后，同样的命令经过它：它让出总线，用完接着采集")
	i.start("gateway", "gateway", "run", "--config", file)
	i.eventuallyReads("meter-1")
	i.interrupted(regexp.MustCompile(`meter-1\n`), "gateway scan"+with+" --bus rs485-1", 130, `采集已暂停，只读不写`, `采集已恢复`, `已停止`)
	i.eventuallyReads("meter-1")
	i.types("gateway claim"+with+" --bus rs485-1 --addr 15 --profile eastron-sdm630", 0, `已认领  meter-3`, `运行中的网关已采用`)
	i.note("什么不对，为什么，怎么办")
	i.types("gateway doctor"+with, 1, `✗ 总线 .*rs485-1 gas-7: 没有应答`, `✗ 总线 .*rs485-1 meter-3: .*疑似两台设备同一地址`, `→ 拔下其中一台`, `个问题`)
	i.note("同址的那台先撤下")
	i.types("gateway unclaim meter-3"+with, 0, `已撤下`)
	i.types("gateway handover"+with+" > sheet.html", 1, `不能交付：\d+ 个问题未解决`)
	i.keep()
}

// TestTheLineOfAnother: a port that another program has is left alone, and its owner named.
func TestTheLineOfAnother(t *testing.T) {
	i := newInstaller(t)
	other := filepath.Join(i.dir, "other.yaml") // the same lines, another data folder: a gateway that knows nothing of this site
	text, err := os.ReadFile(filepath.Join(i.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAll(bytes.Replace(text, []byte("bus-data"), []byte("other-data"), 1), fmt.Appendf(nil, "127.0.0.1:%d", port))
	if err := os.WriteFile(other, text, 0o600); err != nil {
		t.Fatal(err)
	}
	owner := i.start("other", "gateway", "run", "--config", "other.yaml")
	held := fmt.Sprintf(`被进程 %d \(gateway\) 占用`, owner.Pid())
	eventually(t, 60*time.Second, "the other has the port", func() error {
		cmd := exec.Command(filepath.Join(bin, "gateway"), "--lang", "zh", "scan", "--config", file, "--bus", "rs485-1", "--addr", "1", "--baud", "9600-8E1", "--bare")
		cmd.Dir = i.dir
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 4 || !regexp.MustCompile(held).Match(out) {
			return fmt.Errorf("exit %d: %s", code, out)
		}
		return nil
	})
	i.types("gateway read meter-1 --config "+file, 4, held)
	i.types("gateway doctor --config "+file, 1, `✗ 串口 .*rs485-1: .*`+fmt.Sprint(owner.Pid()))
}

// eventuallyReads waits until the running gateway has kept a further reading of a device: it polls.
func (i *installer) eventuallyReads(device string) {
	i.t.Helper()
	kept := func() int {
		cmd := exec.Command(filepath.Join(bin, "gateway"), "history", "--device", device, "--config", file, "--json")
		cmd.Dir = i.dir
		out, _ := cmd.Output() // nothing is kept yet: no line
		return bytes.Count(out, []byte(`"good"`))
	}
	before := kept()
	eventually(i.t, 60*time.Second, "the gateway polls "+device, func() error {
		if now := kept(); now <= before {
			return fmt.Errorf("%d readings", now)
		}
		return nil
	})
}

// keep writes the session anew where that is asked for.
func (i *installer) keep() {
	got := i.record.String()
	if os.Getenv("LINSHAO_SHOTS") != "" {
		if err := os.WriteFile(session, []byte(got), 0o644); err != nil {
			i.t.Fatal(err)
		}
		return
	}
	if _, err := os.ReadFile(session); err != nil {
		i.t.Errorf("the recorded session: %v; LINSHAO_SHOTS=1 records it", err)
	}
}
