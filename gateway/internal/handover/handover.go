// Package handover makes the sheet (交付单) that the installer leaves behind: what hangs on which line, what it read, which outputs were
// tried, what is still wrong, and who signs. It is one HTML page for paper, without script and without anything from elsewhere. The
// command `gateway handover` and the commissioning pages print it.
//
// It promises: everything that a device, a file or a person wrote is escaped; a value is never shown without its quality and time;
// a sheet with open problems says on top that the site is not fit to be handed over.
package handover

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/names"
)

//go:embed sheet.html
var sheetHTML string

// Known is what was found out about a site's devices.
type Known struct {
	At       time.Time
	Version  string
	Running  bool // by the gateway while it runs; otherwise each device was read once
	Readings map[device.Key]device.Reading
	Took     map[string]time.Duration // by device: how long the read took; none: not known
	Tested   map[device.Key]time.Time // outputs that were moved and read back
	Problems []string                 // what else is wrong, in the language of the sheet
}

// A Sheet is what is printed.
type Sheet struct {
	Zh                                                  bool
	Site, SiteID, Gateway, Version, Config, Rules, Mode string
	At, How, Cloud                                      string
	Channels                                            []Channel
	Outputs                                             []Output
	Models                                              []Model
	Problems                                            []string
	Devices, Good                                       int
}

// A Channel is one line and its devices.
type Channel struct {
	ID, Driver, Address, Settings, Use string
	Devices                            []Device
}

// A Device is one row.
type Device struct {
	ID, Name, Place, Zone, Model, Address string
	Values                                []Value
	At, Took                              string // At: of all readings, where they are of one second
	Bad                                   bool
}

// A Model is where the register map of a profile comes from.
type Model struct{ Name, Map string }

// A Value is one reading of a device.
type Value struct {
	Point, Text, Quality, At string
	Bad                      bool
}

// An Output is one that rules or people can move.
type Output struct {
	Device, Name, Point, Tested string
	Open                        bool // not tried yet
}

// Make puts a sheet together.
func Make(site *config.Site, k Known, lang config.Language) Sheet {
	m := maker{site: site, known: k, zh: lang == config.Chinese}
	s := Sheet{Zh: m.zh, Site: site.Name, SiteID: site.ID, Gateway: site.Gateway, Version: k.Version, Config: site.Inventory.GetConfigHash(),
		At: k.At.In(site.Location).Format("2006-01-02 15:04 MST"), Mode: m.say("平", "normal"), How: m.say("逐台读一次", "each device read once"), Cloud: m.cloud()}
	if site.Rules != nil {
		s.Rules = site.Rules.Hash()
	}
	if site.Emergency {
		s.Mode = m.say("急", "emergency")
	}
	if k.Running {
		s.How = m.say("运行中的网关的最新读数", "newest readings of the running gateway")
	}
	for _, p := range site.LeftOut {
		m.problem(m.say("配置片段未采用：", "fragment left out: ") + p.Error())
	}
	if site.Refused != nil {
		m.problem(m.say("规则有错误，运行的是上次可用的规则：", "the rules are broken, the last good ones run: ") + site.Refused[0].Error())
	}
	for _, c := range site.Channels {
		s.Channels = append(s.Channels, m.channel(c))
	}
	for _, c := range s.Channels {
		for _, d := range c.Devices {
			if s.Devices++; !d.Bad {
				s.Good++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(site.Maps)) {
		s.Models = append(s.Models, Model{name, site.Maps[name]})
	}
	s.Outputs = m.outputs()
	s.Problems = append(m.problems, k.Problems...)
	return s
}

type maker struct {
	site     *config.Site
	known    Known
	zh       bool
	problems []string
}

func (m *maker) say(zh, en string) string {
	if m.zh {
		return zh
	}
	return en
}

func (m *maker) problem(text string) { m.problems = append(m.problems, text) }

func (m *maker) lang() config.Language {
	if m.zh {
		return config.Chinese
	}
	return config.English
}

func (m *maker) point(name string) string { return names.Point(name, m.lang()) }

// doubt says why a reading is not good.
func (m *maker) doubt(r device.Reading) string {
	word := map[device.Quality]string{device.Bad: m.say("无效", "bad"), device.Uncertain: m.say("存疑", "uncertain")}[r.Quality]
	if r.Reason == device.ReasonNone {
		return word
	}
	return word + m.say("：", ": ") + commission.ReasonText(r.Reason).In(m.lang())
}

// cloud is who hears of alerts, as far as the gateway knows.
func (m *maker) cloud() string {
	u, err := url.Parse(m.site.Cloud.URL)
	if m.site.Cloud.URL == "" || err != nil {
		return m.say("无：只有本机页面和现场声光", "none: only the local page and what sounds at the site")
	}
	return m.say("云端按班表通知：", "the cloud, by its duty list: ") + u.Host
}

func (m *maker) channel(c config.Channel) Channel {
	out := Channel{ID: c.ID, Driver: c.Driver, Address: c.Address}
	if s := c.Serial; s.Baud > 0 {
		out.Settings = settings(s)
	}
	if plan := c.Plan(); plan.Known {
		out.Use = fmt.Sprintf("%s %.0f %% · %s %s", m.say("占用率", "utilisation"), 100*plan.Utilisation, m.say("一轮", "cycle"), cycle(plan.Cycle))
		if plan.Tight() {
			m.problem(fmt.Sprintf(m.say("总线 %s 太忙：占用率 %.0f %%", "channel %s is too busy: utilisation %.0f %%"), c.ID, 100*plan.Utilisation))
		}
	}
	if len(c.Devices) == 0 {
		m.problem(fmt.Sprintf(m.say("总线 %s 上没有设备", "channel %s has no device"), c.ID))
	}
	for _, d := range c.Devices {
		out.Devices = append(out.Devices, m.device(c, d))
	}
	return out
}

// cycle is how long one round of a line takes: "45 ms", "1.6 s".
func cycle(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func settings(s device.Serial) string {
	letter := map[device.Parity]string{device.ParityNone: "N", device.ParityEven: "E", device.ParityOdd: "O"}[s.Parity]
	return fmt.Sprintf("%d 8%s%d", s.Baud, letter, s.StopBits)
}

func (m *maker) device(c config.Channel, d device.Device) Device {
	out := Device{ID: d.ID, Name: d.Name, Place: d.Place, Zone: m.site.Zones[d.Zone], Model: d.Model, Took: "—", Bad: true}
	if took, ok := m.known.Took[d.ID]; ok {
		out.Took = fmt.Sprintf("%d ms", took.Milliseconds())
	}
	if len(d.Points) > 0 {
		out.Address = address(d.Points[0].Address)
		if own := d.Points[0].Serial; own != nil && *own != c.Serial {
			out.Address += " · " + settings(*own)
		}
	}
	for _, p := range d.Points {
		r, ok := m.known.Readings[p.Key()]
		if !ok {
			out.Values = append(out.Values, Value{Point: m.point(p.Name), Text: "—", Quality: m.say("没有读数", "no reading"), Bad: true})
			continue
		}
		v := Value{Point: m.point(p.Name), Text: text(p, r), At: r.Time.In(m.site.Location).Format("15:04:05"), Bad: r.Quality != device.Good}
		if v.Bad {
			v.Quality = m.doubt(r)
		}
		out.Bad = out.Bad && v.Bad
		out.Values = append(out.Values, v)
	}
	out.share()
	if d.Name == d.ID && d.Place == "" {
		m.problem(fmt.Sprintf(m.say("设备 %s 没有名称和位置", "device %s has neither name nor place"), d.ID))
	}
	if out.Bad {
		m.problem(fmt.Sprintf(m.say("设备 %s（%s）没有一个好读数", "device %s (%s) has no good reading"), d.ID, d.Name))
	}
	return out
}

// share tells a time once that all readings have.
func (d *Device) share() {
	for _, v := range d.Values {
		if v.At != d.Values[0].At {
			return
		}
	}
	if len(d.Values) > 0 {
		d.At = d.Values[0].At
	}
	for i := range d.Values {
		d.Values[i].At = ""
	}
}

// address without what is secret in it.
func address(text string) string {
	text, _, _ = strings.Cut(text, "#")
	if u, err := url.Parse(text); err == nil && u.User != nil {
		u.User = nil
		return u.String()
	}
	return text
}

func text(p device.Point, r device.Reading) string {
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		return "—"
	}
	out := strconv.FormatFloat(math.Round(r.Value*1e4)/1e4, 'f', -1, 64)
	if p.Unit != "" {
		out += " " + p.Unit
	}
	if label := p.Labels[int64(r.Value)]; label != "" {
		return label
	}
	return out
}

func (m *maker) outputs() []Output {
	var all []Output
	for _, d := range m.site.Devices() {
		for _, p := range d.Points {
			if len(p.Writable) == 0 {
				continue
			}
			o := Output{Device: d.ID, Name: d.Name, Point: m.point(p.Name), Open: true, Tested: m.say("未测", "not tested")}
			if at, ok := m.known.Tested[p.Key()]; ok {
				o.Open, o.Tested = false, at.In(m.site.Location).Format("2006-01-02 15:04")
			} else {
				m.problem(fmt.Sprintf(m.say("输出 %s（%s · %s）还没有动作测试", "output %s (%s · %s) was not tried yet"), d.Name, m.point(p.Name), d.ID))
			}
			all = append(all, o)
		}
	}
	return all
}

// Write prints a sheet.
func Write(w io.Writer, s Sheet) error {
	t, err := template.New("sheet").Funcs(template.FuncMap{"say": func(zh, en string) string {
		if s.Zh {
			return zh
		}
		return en
	}}).Parse(sheetHTML)
	if err == nil {
		err = t.Execute(w, s)
	}
	if err != nil {
		return fmt.Errorf("print hand-over sheet: %w", err)
	}
	return nil
}
