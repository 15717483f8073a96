package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// ports looks at what channels need before a byte is sent: a port that is there, that this program may use, and that nobody
// else has; a host that answers.
func ports(cfg Config, site *config.Site) []Finding {
	var found []Finding
	for _, ch := range site.Channels {
		switch host, remote := strings.CutPrefix(ch.Address, "tcp://"); {
		case ch.Driver == config.DriverRTSP || ch.Driver == config.DriverPlugin:
		case remote || ch.Driver == config.DriverModbusTCP:
			found = append(found, hostPort(ch.ID, host))
		default:
			found = append(found, serialPort(cfg, ch.ID, ch.Address))
		}
	}
	return found
}

func serialPort(cfg Config, channel, port string) Finding {
	f := Finding{Area: commission.Text{ZH: "串口", EN: "serial port"}, Channel: channel, Subject: port + " " + channel, Level: Problem}
	file, err := filepath.EvalSymlinks(port)
	if err == nil {
		_, err = os.Stat(file)
	}
	if h, held := line.HolderOf(file, cfg.Gateway); held {
		f.Code = "port_held"
		f.Said = commission.Text{ZH: fmt.Sprintf("被进程 %d（%s）占用", h.PID, h.Program), EN: "held by " + h.String()}
		f.Next = []commission.Text{{ZH: "停掉它：systemctl disable --now " + h.Program, EN: "stop it: systemctl disable --now " + h.Program}}
		return f
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Code = "port_missing"
		f.Said = commission.Text{ZH: "没有这个串口：适配器没插，或插到了别的 USB 口", EN: "there is no such port: the adapter is unplugged, or in another socket"}
		f.Next = []commission.Text{{ZH: "现有的串口：ls -l /dev/serial/by-path/ /dev/ttyS*；dmesg | tail", EN: "the ports there are: ls -l /dev/serial/by-path/ /dev/ttyS*; dmesg | tail"}}
	case err != nil:
		f.Code = "port_broken"
		f.Said = commission.Text{ZH: "打不开：" + err.Error(), EN: "cannot be used: " + err.Error()}
	case !mayUse(file):
		f.Code = "port_denied"
		f.Said = commission.Text{ZH: "没有权限", EN: "this user may not use it"}
		f.Next = []commission.Text{{ZH: "usermod -aG dialout linshao，然后重启网关", EN: "usermod -aG dialout linshao, then restart the gateway"}}
	case strings.HasPrefix(filepath.Base(port), "ttyUSB"):
		f.Level, f.Code = Warning, "port_number"
		f.Said = commission.Text{ZH: "按编号配置：重新插拔后编号会变，会读到别的总线", EN: "configured by number: after a replug it may be another line"}
		f.Next = byPath(file)
	default:
		f.Level, f.Said = Well, commission.Text{ZH: "存在，没有别的程序占用", EN: "is there, and nobody else has it"}
	}
	return f
}

// byPath is the name of a port that stays with its USB socket.
func byPath(file string) []commission.Text {
	names, _ := filepath.Glob("/dev/serial/by-path/*")
	for _, name := range names {
		if to, err := filepath.EvalSymlinks(name); err == nil && to == file {
			return []commission.Text{{ZH: "address 写成 " + name, EN: "write address: " + name}}
		}
	}
	return []commission.Text{{ZH: "用 /dev/serial/by-path/ 里的名字", EN: "use its name in /dev/serial/by-path/"}}
}

// mayUse asks the kernel whether this user may read and write a port.
func mayUse(file string) bool { return unix.Access(file, unix.R_OK|unix.W_OK) == nil }

const dialLimit = 3 * time.Second

func hostPort(channel, address string) Finding {
	f := Finding{Area: commission.Text{ZH: "网络设备", EN: "network device"}, Channel: channel, Subject: address + " " + channel, Level: Well}
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err == nil {
		took := time.Since(began)
		err = conn.Close()
		f.Said = commission.Text{ZH: fmt.Sprintf("可达，%d ms", took.Milliseconds()), EN: fmt.Sprintf("reachable in %d ms", took.Milliseconds())}
	}
	if err != nil {
		f.Level, f.Code = Problem, "host_unreachable"
		f.Said = commission.Text{ZH: "连不上：" + reasonOf(err).ZH, EN: "cannot be reached: " + reasonOf(err).EN}
		f.Next = []commission.Text{{ZH: "看网线和供电；ping " + host(address), EN: "cable and power; ping " + host(address)}}
	}
	return f
}

func host(address string) string {
	h, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return h
}
