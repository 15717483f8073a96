package doctor

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// program says what runs, and since when.
func program(cfg Config) []Finding {
	area := commission.Text{ZH: "程序", EN: "program"}
	head := fmt.Sprintf("%s  %s", cfg.Version, runtime.GOARCH)
	r := cfg.Running
	if r == nil {
		return []Finding{{Area: area, Level: Warning, Code: "not_running", Said: commission.Text{ZH: head + "  没有运行", EN: head + "  does not run"},
			Next: []commission.Text{{ZH: "systemctl status linshao-gateway", EN: "systemctl status linshao-gateway"}}}}
	}
	up := cfg.Now().Sub(r.Started)
	f := Finding{Area: area, Level: Well, Said: commission.Text{ZH: fmt.Sprintf("%s  运行 %s", head, spanZH(up)), EN: fmt.Sprintf("%s  up %s", head, spanEN(up))}}
	found := []Finding{f}
	if r.Version != cfg.Version {
		found = append(found, Finding{Area: area, Level: Warning, Code: "other_version",
			Said: commission.Text{ZH: "运行的是另一个版本 " + r.Version, EN: "another version runs: " + r.Version},
			Next: []commission.Text{{ZH: "重启后生效：systemctl restart linshao-gateway", EN: "restart to use the new one: systemctl restart linshao-gateway"}}})
	}
	if r.Ill != "" {
		found = append(found, Finding{Area: area, Level: Problem, Code: "rules_ill",
			Said: commission.Text{ZH: "规则没有运行，没有自动保护：" + r.Ill, EN: "the rules do not run, nothing is protected by itself: " + r.Ill},
			Next: []commission.Text{{ZH: "journalctl -u linshao-gateway -n 50", EN: "journalctl -u linshao-gateway -n 50"}}})
	}
	return found
}

// configuration counts the mistakes; `gateway check config` tells them.
func configuration(file string, problems configs.Problems) []Finding {
	area := commission.Text{ZH: "配置", EN: "config"}
	bad := len(problems.Fatal())
	next := []commission.Text{{ZH: "gateway check config " + file, EN: "gateway check config " + file}}
	switch {
	case bad > 0:
		return []Finding{{Area: area, Subject: file, Level: Problem, Code: "config", Next: next,
			Said: commission.Text{ZH: fmt.Sprintf("%d 个错误，重启后网关起不来", bad), EN: fmt.Sprintf("%d mistakes: the gateway would not start again", bad)}}}
	case len(problems) > 0:
		return []Finding{{Area: area, Subject: file, Level: Warning, Code: "config", Next: next,
			Said: commission.Text{ZH: fmt.Sprintf("%d 个警告", len(problems)), EN: fmt.Sprintf("%d warnings", len(problems))}}}
	}
	return []Finding{{Area: area, Subject: file, Level: Well, Said: commission.Text{ZH: "没有错误", EN: "no mistakes"}}}
}

// clockOff is how far a clock may be off before alerts carry a time that misleads people.
const clockOff = time.Second

// clock asks the kernel how well it knows the time.
func clock(now time.Time) []Finding {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return []Finding{judgeClock(now, state, &t, err)}
}

func judgeClock(now time.Time, state int, t *unix.Timex, err error) Finding {
	f := Finding{Area: commission.Text{ZH: "时钟", EN: "clock"}, Level: Well}
	zone := now.Location().String()
	const unsynchronised = 5 // TIME_ERROR
	const nano = 0x2000      // STA_NANO: offset in ns, else µs
	offset := time.Duration(t.Offset) * time.Microsecond
	if t.Status&nano != 0 {
		offset = time.Duration(t.Offset)
	}
	switch {
	case now.Year() < 2025:
		f.Level, f.Code = Problem, "clock_lost"
		f.Said = commission.Text{ZH: "时间是 " + now.Format("2006-01-02") + "：没有电池，也还没对上时", EN: "it is " + now.Format("2006-01-02") + ": no battery, and no time server has answered"}
	case errors.Is(err, unix.EPERM):
		f.Said = commission.Text{ZH: "这里问不到内核（容器）", EN: "the kernel does not say (a container)"}
		return f
	case err != nil || state == unsynchronised:
		f.Level, f.Code = Warning, "clock_free"
		f.Said = commission.Text{ZH: "没有对时，会慢慢走偏", EN: "not synchronised: it drifts"}
	case offset.Abs() > clockOff:
		f.Level, f.Code = Warning, "clock_off"
		f.Said = commission.Text{ZH: "与时间服务器差 " + offset.Round(time.Millisecond).String(), EN: "off by " + offset.Round(time.Millisecond).String()}
	default:
		f.Said = commission.Text{ZH: fmt.Sprintf("已对时，差 %v  时区 %s", offset.Round(time.Microsecond), zone), EN: fmt.Sprintf("synchronised, off by %v  zone %s", offset.Round(time.Microsecond), zone)}
		return f
	}
	f.Next = []commission.Text{{ZH: "timedatectl；看时间服务器是否可达：timedatectl timesync-status", EN: "timedatectl; is the time server reachable: timedatectl timesync-status"}}
	return f
}

// Room below which a disk is told of.
const (
	roomLow = 500 << 20
	roomBad = 100 << 20
)

// disk looks at the data folder's file system.
func disk(site *config.Site, r *Running) []Finding {
	area := commission.Text{ZH: "磁盘", EN: "disk"}
	var found []Finding
	if r != nil && !r.Degraded.IsZero() {
		found = append(found, Finding{Area: area, Subject: site.Data, Level: Problem, Code: "disk_takes_nothing", Since: r.Degraded,
			Said: commission.Text{ZH: "写不进去，断电会丢数据：" + r.Cause, EN: "takes nothing, a power cut loses readings: " + r.Cause},
			Next: []commission.Text{{ZH: "换存储卡；满了就清理：df -h " + site.Data, EN: "replace the card; if it is full: df -h " + site.Data}}})
	}
	var s unix.Statfs_t
	if err := unix.Statfs(site.Data, &s); err != nil {
		return append(found, Finding{Area: area, Subject: site.Data, Level: Warning, Code: "no_data",
			Said: commission.Text{ZH: "还没有数据目录：" + err.Error(), EN: "no data folder yet: " + err.Error()},
			Next: []commission.Text{{ZH: "网关第一次启动时建立；启动过的，看 gateway.yaml 的 data 对不对", EN: "the gateway makes it at its first start; if it has run before, is data in gateway.yaml right?"}}})
	}
	return append(found, judgeDisk(area, site, int64(s.Bavail)*int64(s.Bsize), s.Flags&unix.ST_RDONLY != 0))
}

func judgeDisk(area commission.Text, site *config.Site, free int64, readOnly bool) Finding {
	need := site.Outbox.TelemetryQuota + site.Outbox.EventsQuota
	f := Finding{Area: area, Subject: site.Data, Level: Well,
		Said: commission.Text{ZH: fmt.Sprintf("可用 %s，缓存最多用 %s", size(free), size(need)), EN: fmt.Sprintf("%s free; what waits for the cloud takes at most %s", size(free), size(need))}}
	switch {
	case readOnly:
		f.Level, f.Code = Problem, "disk_read_only"
		f.Said = commission.Text{ZH: "只读：存储卡多半坏了", EN: "read-only: the card is probably dying"}
		f.Next = []commission.Text{{ZH: "dmesg | grep -i -E 'mmc|ext4'；换存储卡", EN: "dmesg | grep -i -E 'mmc|ext4'; replace the card"}}
	case free < roomBad:
		f.Level, f.Code = Problem, "disk_full"
	case free < roomLow:
		f.Level, f.Code = Warning, "disk_low"
	}
	if f.Code == "disk_full" || f.Code == "disk_low" {
		f.Next = []commission.Text{{ZH: "du -xh / | sort -h | tail；或调小 outbox.telemetry_quota", EN: "du -xh / | sort -h | tail; or a smaller outbox.telemetry_quota"}}
	}
	return f
}

func size(bytes int64) string {
	if bytes >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

func spanZH(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d 天", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d 小时", int(d.Hours()))
	}
	return fmt.Sprintf("%d 分钟", int(d.Minutes()))
}

func spanEN(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}
