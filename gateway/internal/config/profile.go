package config

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/health"
)

// A profile is a checked file of the profiles folder: the points that every device of the model has.
type profile struct {
	rawProfile
	poll, pause time.Duration
	ports       int
	bitStride   uint32
	points      []device.Point // of the first port, without device and address
	common      []bool         // per point: the same register in every port
	reports     []*Reporting   // per point; nil: every reading is recorded
	golden      []Golden       // for tests alone
	identity    *device.Point  // where the device tells its serial number; nil: it does not
	format      string         // of the lines of a reader that speaks unasked
}

// at are the points of port n (0-based) of a device at an address. What can be shared between devices is.
func (p *profile) at(id, address string, n uint32) []device.Point {
	points := make([]device.Point, len(p.points))
	for i, pt := range p.points {
		pt.Device, pt.Address = id, address
		if !p.common[i] {
			pt.Register.Addr += n * p.stride(pt.Register.Space)
		}
		points[i] = pt
	}
	return points
}

// own is where a device at an address tells its serial number; nil when it does not.
func (p *profile) own(id, address string) *device.Point {
	if p.identity == nil {
		return nil
	}
	pt := *p.identity
	pt.Device, pt.Address = id, address
	return &pt
}

func (p *profile) stride(space string) uint32 {
	if space == spaceCoil || space == spaceDiscrete {
		return p.bitStride
	}
	return p.PortStride
}

// kinds are the words of the product for what a device is.
func kinds() []string {
	return []string{"socket", "rcd", "meter", "gas", "gas_log", "co", "valve", "siren", "fan", "door", "reader", "camera", "relay", "sensor"}
}

// profile finds and checks the profile of a device; nil when there is none that can be used. Each file is told once.
func (l *loader) profile(path, model string) *profile {
	if model == "" {
		l.add(path+".profile", l.say("设备缺 profile", "device has no profile"), "")
		return nil
	}
	if p, seen := l.used[model]; seen {
		l.unusable(path, model, p)
		return p
	}
	if l.profiles == nil {
		return nil
	}
	name := model + ".yaml"
	data, err := fs.ReadFile(l.profiles, name)
	if err != nil {
		l.add(path+".profile", l.say("没有型号 %q", "there is no profile %q", model), l.meant(model, l.models()))
		return nil
	}
	l.hash.Write(data)
	l.shapes.Write(data)
	c := checkProfile(l.speaker, l.profileName(name), data)
	l.problems = append(l.problems, c.problems...)
	if c.problems.Fatal() != nil {
		c.profile = nil
	}
	l.used[model] = c.profile
	l.unusable(path, model, c.profile)
	if c.profile != nil {
		if l.site.Maps == nil {
			l.site.Maps = map[string]string{}
		}
		l.site.Maps[model] = c.profile.Source
	}
	return c.profile
}

// unusable makes a broken profile a mistake of the fragment that wants it, so that the gateway starts without the fragment.
func (l *loader) unusable(path, model string, p *profile) {
	if p == nil && l.leaveOut && l.fromFragment(path) {
		l.add(path+".profile", l.say("型号 %s 有错误", "profile %s has mistakes", model), l.say("gateway check config 逐条列出", "gateway check config tells them"))
	}
}

// profileName is how a profile's file is called in messages.
func (l *loader) profileName(name string) string {
	if l.raw.Profiles == "" {
		return "profiles/" + name
	}
	return strings.TrimSuffix(l.raw.Profiles, "/") + "/" + name
}

func (l *loader) models() []string {
	files, err := fs.Glob(l.profiles, "*.yaml")
	if err != nil {
		return nil
	}
	for i := range files {
		files[i] = strings.TrimSuffix(files[i], ".yaml")
	}
	return files
}

// CheckProfile tells the mistakes of one profile file; model is the file's name without .yaml.
func CheckProfile(file string, data []byte, lang Language) configs.Problems {
	return checkProfile(speaker{lang}, file, data).problems
}

// profileCheck checks one profile.
type profileCheck struct {
	speaker
	file     *configs.File
	told     configs.Problems
	problems configs.Problems
	profile  *profile
}

func (c *profileCheck) add(path, message, hint string) {
	if len(c.told) > 0 && absent(c.file, path) {
		return
	}
	p := c.file.Problem(path, message, hint)
	for _, old := range c.told {
		if old.Line == p.Line {
			return
		}
	}
	c.problems = append(c.problems, p)
}

func checkProfile(s speaker, file string, data []byte) *profileCheck {
	c := &profileCheck{speaker: s, profile: &profile{}}
	var err error
	if c.file, err = configs.Parse(file, data); err != nil {
		c.problems = s.translated(err)
		return c
	}
	if err := c.file.Decode(&c.profile.rawProfile); err != nil {
		c.told = s.translated(err)
		c.problems = append(c.problems, c.told...)
	}
	c.checkHead(strings.TrimSuffix(file[strings.LastIndexByte(file, '/')+1:], ".yaml"))
	c.checkPorts()
	c.checkASCII()
	c.checkStream()
	c.checkPoints()
	c.checkGolden()
	return c
}

func (c *profileCheck) checkHead(model string) {
	p := c.profile
	if p.Model != model {
		c.add("$.model", c.say("model 是 %q，文件名是 %q", "model is %q but the file is named %q", p.Model, model), c.say("两者要一样", "make them the same"))
	}
	if !contains(kinds(), p.Kind) {
		c.add("$.kind", c.say("没有种类 %q", "there is no kind %q", p.Kind), c.meant(p.Kind, kinds()))
	}
	if p.Protocol == "" {
		c.add("$.protocol", c.say("缺 protocol", "protocol is missing"), c.oneOf(append(lineProtocols(), protocolRTSP)))
	}
	if strings.TrimSpace(p.Source) == "" {
		c.add("$.source", c.say("缺 source", "source is missing"), c.say("寄存器表从哪里来？没有出处不收", "where does the register map come from? No source, no profile"))
	}
	if p.Title.ZH == "" || p.Title.EN == "" {
		c.add("$.title", c.say("title 要有 zh 和 en", "title needs zh and en"), "")
	}
	p.poll = c.duration("$.poll", p.Poll, 5*time.Second, 100*time.Millisecond)
	p.pause = c.duration("$.pause", p.Pause, 0, 0)
	if p.MaxRegisters < 0 || p.MaxRegisters > 125 {
		c.add("$.max_registers", c.say("max_registers %d 无效", "max_registers %d is not usable", p.MaxRegisters), "1–125")
	}
	for i, h := range p.Holes {
		if len(h) != 2 || h[0] > h[1] {
			c.add(index("$.holes", i), c.say("空洞要写成 [首, 末]", "a hole is [first, last]"), "")
			p.Holes[i] = []uint32{0, 0}
		}
	}
}

func (c *profileCheck) duration(path, text string, standard, least time.Duration) time.Duration {
	if text == "" {
		return standard
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > 24*time.Hour {
		c.add(path, c.say("%q 不是可用的时长", "%q is no usable duration", text), c.say("写成 300ms、5s、6h", "write 300ms, 5s or 6h"))
		return standard
	}
	return d
}

func (c *profileCheck) checkPorts() {
	p := c.profile
	p.ports, p.bitStride = max(p.Ports, 1), 1
	if p.BitStride != nil {
		p.bitStride = *p.BitStride
	}
	if p.Ports < 0 || p.Ports > 64 {
		c.add("$.ports", c.say("ports %d 无效", "ports %d is not usable", p.Ports), "1–64")
		p.ports = 1
	}
	if p.Protocol == protocolModbus && p.ports > 1 && p.PortStride == 0 {
		c.add("$.ports", c.say("多路设备缺 port_stride", "a device with ports needs port_stride"), c.say("相邻两路寄存器地址之差", "registers from one port to the next"))
	}
}

var pointName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func (c *profileCheck) checkPoints() {
	p := c.profile
	if len(p.Points) == 0 {
		c.add("$.points", c.say("没有点位", "there are no points"), "")
	}
	seen := map[string]bool{identityPoint: p.Identity != nil}
	for i, raw := range p.Points {
		path := index("$.points", i)
		if !pointName.MatchString(raw.Name) {
			c.add(path+".name", c.say("点位名 %q 无效", "point name %q is not usable", raw.Name), c.say("小写字母、数字、_", "use lower case letters, digits and _"))
		}
		if seen[raw.Name] {
			c.add(path+".name", c.say("点位 %s 重复", "point %s is there twice", raw.Name), "")
		}
		seen[raw.Name] = true
		if raw.Name == health.PointName {
			c.add(path+".name", c.say("点位名 %s 归网关", "point name %s is the gateway's own", raw.Name), c.say("换一个名字", "choose another name"))
		}
		p.points = append(p.points, c.point(path, raw))
		p.common = append(p.common, raw.Common)
		p.reports = append(p.reports, c.report(path, rawReport{raw.Deadband, raw.Report}))
	}
	c.checkIdentity()
	if p.Protocol == protocolModbus {
		for i := range p.points {
			p.points[i].Register.Rest = p.pause
		}
		if p.identity != nil {
			p.identity.Register.Rest = p.pause
		}
	}
}

// identityPoint is what the place of a device's serial number is called: it has no name of its own.
const identityPoint = "identity"

// checkIdentity reads where the device tells its serial number: all its ports have one.
func (c *profileCheck) checkIdentity() {
	raw := c.profile.Identity
	if raw == nil {
		return
	}
	if raw.Name != "" || raw.Write != nil || raw.Scale != nil || raw.Offset != 0 {
		c.add("$.identity", c.say("identity 只写 at、type、swap", "identity has at, type and swap alone"), c.say("它不是测点", "it is no measured point"))
	}
	raw.Name, raw.Common = identityPoint, true
	pt := c.point("$.identity", *raw)
	c.profile.identity = &pt
}

func (c *profileCheck) point(path string, raw rawPoint) device.Point {
	pt := device.Point{Name: raw.Name, Unit: raw.Unit, Scale: 1, Offset: raw.Offset, Min: raw.Min, Max: raw.Max, Writable: raw.Write}
	pt.Register = c.register(path, raw)
	if raw.Scale != nil {
		if pt.Scale = *raw.Scale; pt.Scale == 0 {
			c.add(path+".scale", c.say("scale 不能是 0", "scale cannot be 0"), "")
		}
	}
	if raw.Min > raw.Max {
		c.add(path+".min", c.say("min %v 大于 max %v", "min %v is above max %v", raw.Min, raw.Max), "")
	}
	for text, word := range sorted(raw.Special) {
		n, err := strconv.ParseInt(text, 0, 64)
		why, ok := device.ParseReason(word)
		if err != nil || !ok || why == device.ReasonNone {
			c.add(path+".special", c.say("特殊值 %s: %q 无效", "special value %s: %q is not usable", text, word), c.say("原始整数: 原因词，如 65535: sensor_fault", "raw whole number: a reason, such as 65535: sensor_fault"))
			continue
		}
		if n < -exactWhole || n > exactWhole {
			c.add(path+".special", c.say("特殊值 %s 超过 2^53，无法精确比较", "special value %s is beyond 2^53 and cannot be told exactly", text), c.say("用 max 或 min 排除它", "let max or min keep it out"))
			continue
		}
		if pt.Special == nil {
			pt.Special = map[int64]device.Reason{}
		}
		pt.Special[n] = why
	}
	for text, label := range sorted(raw.Labels) {
		n, err := strconv.ParseInt(text, 0, 64)
		if err != nil || label.ZH == "" || label.EN == "" {
			c.add(path+".labels", c.say("状态名 %s 无效", "label %s is not usable", text), c.say("整数: {zh: …, en: …}", "whole number: {zh: …, en: …}"))
			continue
		}
		if pt.Labels == nil {
			pt.Labels, pt.LabelsEN = map[int64]string{}, map[int64]string{}
		}
		pt.Labels[n], pt.LabelsEN[n] = label.ZH, label.EN
	}
	pt.Map = c.states(path, raw)
	pt.Rate, pt.Stuck = c.rate(path, raw), c.stuck(path, raw)
	c.kindLabels(path, &pt)
	c.checkWrite(path, raw, pt)
	return pt
}

func (c *profileCheck) checkWrite(path string, raw rawPoint, pt device.Point) {
	if raw.Write == nil {
		return
	}
	if len(raw.Write) == 0 {
		c.add(path+".write", c.say("write 是空的", "write is empty"), c.say("列出允许写的值，或删去", "list the values that may be written, or remove it"))
	}
	if s := pt.Register.Space; s == spaceInput || s == spaceDiscrete {
		c.add(path+".write", c.say("%s 只读，不能写", "%s is read-only", s), c.say("用 coil 或 holding", "use coil or holding"))
	}
	for _, v := range raw.Write {
		if isBit(pt.Register) && v != 0 && v != 1 {
			c.add(path+".write", c.say("%v 不是开关量的值", "%v is no value of a switch", v), "0 | 1")
		}
		if (pt.Min != 0 || pt.Max != 0) && (v < pt.Min || v > pt.Max) {
			c.add(path+".write", c.say("%v 超出 min…max", "%v is outside min…max", v), "")
		}
	}
}
