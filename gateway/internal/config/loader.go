package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/pushed"
)

// A loader reads one site and gathers its mistakes.
type loader struct {
	speaker
	dir      string // of gateway.yaml: paths in it are relative to this
	file     *configs.File
	raw      rawSite
	told     configs.Problems // structural mistakes; what they caused is not told again
	problems configs.Problems
	used     map[string]*profile // by model; nil for one that is unusable
	profiles fs.FS
	site     *Site
	hash     digest
	shapes   digest // of the profiles alone
	cardKey  []byte // of the site; nil: none
	ways
	fragments []*included
	origins   map[string]origin // of entries that stand in a fragment, by their path in the whole

	parts          map[string]string // file as it is called in messages → the part of the cloud that stands for it
	fromCloud      map[string][]byte // fragments
	cloudOverrides *configs.File
	overridden     map[string]bool // rule → by the cloud
}

func newLoader(file string, lang Language, how ways) *loader {
	return &loader{speaker: speaker{lang}, ways: how, dir: filepath.Dir(file), used: map[string]*profile{}, site: &Site{File: file},
		parts: map[string]string{}, fromCloud: map[string][]byte{}, overridden: map[string]bool{}}
}

// digest is the hash over every file that the site was made of.
type digest struct{ h hash.Hash }

func (d *digest) Write(b []byte) {
	if d.h == nil {
		d.h = sha256.New()
	}
	d.h.Write(b)
}

func (d *digest) String() string { return hex.EncodeToString(d.h.Sum(nil))[:16] }

// add tells a mistake of gateway.yaml or a fragment, unless the place was told before. What is missing is not told beside a key that could not
// be read: that is where it went.
func (l *loader) add(path, message, hint string) {
	if file, inFile := l.at(path); l.toldOf(file.Name) && absent(file, inFile) {
		return
	}
	l.tell(l.problem(path, message, hint))
}

// absent says whether a file lacks a path: it is then told at its parent's place.
func absent(f *configs.File, path string) bool {
	parent := path[:max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['), 1)]
	at, above := f.Problem(path, "", ""), f.Problem(parent, "", "")
	return parent != path && at.Line == above.Line && at.Col == above.Col
}

func (l *loader) warn(path, message, hint string) {
	p := l.problem(path, message, hint)
	p.Warning = true
	l.tell(p)
}

func (l *loader) tell(p configs.Problem) {
	for _, old := range l.told {
		if old.File == p.File && old.Line == p.Line {
			return
		}
	}
	l.problems = append(l.problems, p)
}

func (l *loader) build() {
	l.checkSite()
	l.site.Cloud = l.broker("$.cloud", l.raw.Cloud)
	l.checkSparkplug()
	l.checkTrust()
	l.checkUpdateKey()
	l.checkStatus()
	l.checkOutbox()
	l.checkAudit()
	l.checkZones()
	l.profiles = l.layered(l.folder("$.profiles", l.raw.Profiles, "profiles"), pushed.Profiles)
	l.checkChannels()
	l.checkLogs()
	l.checkOutputs()
	l.checkEvidence()
	before := len(l.problems)
	l.loadRules(l.layered(l.folder("$.rules", l.raw.Rules, "rules"), pushed.Rules))
	if fresh := l.problems[before:].Fatal(); fresh != nil && l.standIn && l.problems[:before].Fatal() == nil && l.told == nil && l.lastGood() {
		l.site.Refused, l.problems = fresh, l.problems[:before]
	}
	l.site.Emergency = l.raw.Emergency
	l.site.Sections = l.sections()
	l.site.Inventory = l.inventory()
}

var (
	siteID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	wordID = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
)

func (l *loader) checkSite() {
	s, raw := l.site, l.raw.Site
	if !siteID.MatchString(raw.ID) {
		l.add("$.site.id", l.say("小区 id %q 无效", "site id %q is not usable", raw.ID), l.say("1 到 64 个 a-z、0-9、-", "use 1 to 64 of a-z, 0-9 and -"))
	}
	s.ID, s.Name = raw.ID, raw.Name
	if s.Name == "" {
		s.Name = raw.ID
	}
	zone := raw.Timezone
	if zone == "" {
		zone = "Asia/Shanghai"
	}
	var err error
	if s.Location, err = time.LoadLocation(zone); err != nil {
		l.add("$.site.timezone", l.say("没有时区 %q", "there is no time zone %q", zone), l.say("如 Asia/Shanghai", "such as Asia/Shanghai"))
	}
	s.Gateway = l.raw.Gateway
	if wire.CheckGateway(s.Gateway) != nil {
		l.add("$.gateway", l.say("网关 id %q 无效", "gateway id %q is not usable", s.Gateway),
			l.say("2 到 64 个 a-z、0-9、-，以字母或数字开头", "use 2 to 64 of a-z, 0-9 and -, starting with a letter or digit"))
	}
	s.Data = l.path(dataFolder(l.raw.Data))
	l.cardKey = l.siteCardKey(raw.CardKey)
}

func dataFolder(said string) string { return cmp.Or(said, "data") }

// path resolves a path of gateway.yaml; empty stays empty.
func (l *loader) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	full := filepath.Join(l.dir, p)
	if abs, err := filepath.Abs(full); err == nil {
		return abs
	}
	return full
}

// folder opens a folder of the operator's, or the shipped one when none is named. nil when it is not there.
func (l *loader) folder(path, name, shipped string) fs.FS {
	if name == "" {
		sub, err := fs.Sub(configs.FS, shipped)
		if err != nil {
			return nil
		}
		return sub
	}
	if info, err := os.Stat(l.path(name)); err != nil || !info.IsDir() {
		l.add(path, l.say("没有文件夹 %s", "there is no folder %s", name), l.say("留空则用内置的", "leave it empty for the shipped one"))
		return nil
	}
	return os.DirFS(l.path(name))
}

func (l *loader) checkStatus() {
	raw := l.raw.Status
	s := &l.site.Status
	if s.Listen = raw.Listen; s.Listen == "" {
		s.Listen = "127.0.0.1:8080"
	}
	_, port, err := net.SplitHostPort(s.Listen)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n > 65535 {
		l.add("$.status.listen", l.say("%q 不是 地址:端口", "%q is no host:port", s.Listen), "127.0.0.1:8080")
		return
	}
	if raw.PasswordFile != "" {
		s.User, s.Password = l.secret("$.status.password_file", raw.PasswordFile)
		return
	}
}

// Loopback says whether a host name or address means this machine alone.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// secret reads "user:password" from a file that nobody else may read.
func (l *loader) secret(path, name string) (user, password string) {
	text, ok := l.secretText(path, name)
	if !ok {
		return "", ""
	}
	user, password, ok = strings.Cut(text, ":")
	if !ok || user == "" || password == "" {
		l.add(path, l.say("%s 里要有 用户名:密码", "%s must hold user:password", name), "")
		return "", ""
	}
	return user, password
}

// secretText reads a file that nobody else may read.
func (l *loader) secretText(path, name string) (text string, ok bool) {
	file := l.path(name)
	info, err := os.Stat(file)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		l.add(path, l.say("%s 的权限是 %#o，别人也能读", "%s has mode %#o: others can read it", name, info.Mode().Perm()), "chmod 600 "+name)
		return "", false
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		l.add(path, l.say("读不到 %s：%v", "%s cannot be read: %v", name, unwrapPath(err)), "")
		return "", false
	}
	return strings.TrimSpace(string(data)), true
}

func (l *loader) checkOutbox() {
	raw := l.raw.Outbox
	l.site.Outbox = Outbox{
		TelemetryQuota: l.bytes("$.outbox.telemetry_quota", raw.TelemetryQuota, 512<<20, 1<<20),
		EventsQuota:    l.bytes("$.outbox.events_quota", raw.EventsQuota, 16<<20, 1<<20),
		Sync:           l.duration("$.outbox.sync", raw.Sync, time.Second, 10*time.Millisecond, time.Minute),
		Linger:         l.duration("$.outbox.linger", raw.Linger, time.Minute, time.Second, 5*time.Minute),
	}
}

func (l *loader) checkZones() {
	l.site.Zones = map[string]string{}
	for i, z := range l.raw.Zones {
		path := index("$.zones", i)
		if !wordID.MatchString(z.ID) {
			l.add(path+".id", l.say("区域 id %q 无效", "zone id %q is not usable", z.ID), l.say("1 到 40 个字母、数字、-", "use 1 to 40 letters, digits and -"))
			continue
		}
		if _, twice := l.site.Zones[z.ID]; twice {
			l.add(path+".id", l.say("区域 %s 重复", "zone %s is there twice", z.ID), "")
		}
		l.site.Zones[z.ID] = z.Name
	}
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
