// Package config reads what an operator wrote: gateway.yaml, the device profiles and the rules. It answers a Site in which
// everything is resolved and checked, or every mistake at once, each with file, line, column and what to do. It touches no
// device and opens no connection, so `gateway check config` is safe anywhere. The app, the CLI and nobody else use it.
package config

import (
	"crypto/ed25519"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/passwords"
	"github.com/linshao/linshao/rules"
)

// A Site is a checked configuration.
type Site struct {
	File     string // the path it was read from
	ID, Name string
	Location *time.Location // in which the site's days begin
	Gateway  string         // the gateway's id
	Data     string         // folder of outbox and state, absolute

	Audit      time.Duration // since midnight: when the logs of gas detectors are compared with what was told; below 0: never
	Cloud      Cloud
	Sparkplug  Sparkplug
	CommandKey ed25519.PublicKey // of the cloud, for what it tells us to do; nil: nothing is done from afar
	Status     Status
	Outbox     Outbox
	Evidence   Evidence

	Zones     map[string]string // id → name for people
	Channels  []Channel
	Outputs   map[device.Key]action.Setting // what is said of outputs; those of which nothing is said are not in it
	Rules     *rules.Set
	Overrides map[string]rules.Override
	Emergency bool                     // 急: parameters for emergencies are in force
	Maps      map[string]string        // model → where its register map comes from
	LeftOut   configs.Problems         // why fragments of the include folder are not in the site; nil: all are
	Refused   configs.Problems         // why the rules are the last good ones and not those of the files; nil: they are the files'
	Unpushed  configs.Problems         // why what the cloud has pushed is not in the site; nil: it is, or there is nothing
	Pushed    uint64                   // revision of what the cloud has pushed that is in the site; 0: nothing
	Sources   []rules.Source           // what Rules was read from
	Sections  map[string]string        // digest of each part of the configuration that only a restart takes up
	Reporting map[device.Key]Reporting // points whose record is thinned out
	Inventory *wire.Inventory          // what the cloud is told, with the configuration's hash
}

// Cloud says how the cloud is reached. URL is empty for a gateway that stands alone; the files are empty or absolute paths.
type Cloud struct{ URL, CA, Cert, Key string }

// Sparkplug says to which other broker readings are published as Sparkplug B; URL is empty when to none.
type Sparkplug struct {
	Cloud
	Group, User, Password string
}

// Status says where the local page listens. User and Password are empty when none is asked for, which only loopback allows.
type Status struct{ Listen, User, Password string }

// Outbox says how much is kept, in bytes, for how long a power cut may undo telemetry, and how long readings wait for others
// while nobody looks.
type Outbox struct {
	TelemetryQuota, EventsQuota int64
	Sync, Linger                time.Duration
}

// Evidence says how much of what cameras saw is kept, in bytes, for how long, and which cameras see what.
type Evidence struct {
	Quota   int64
	Keep    time.Duration
	Cameras []Camera // in the order of the file; none: no evidence is taken
}

// A Camera is a device of the kind camera and whose alerts it sees: those of its own zone and of what the site names.
type Camera struct {
	ID, Name              string
	Zones, Devices, Rules []string
}

// A Reporting says which readings of a point are recorded: those that differ by more than a band from the one recorded last, and
// after the longest silence the next one whatever it is.
type Reporting struct {
	Band    float64 // in the point's unit, or in percent of the value recorded last
	Percent bool
	Silence time.Duration
}

// A Channel is a channel and the devices on it, multi-port ones already split into their ports.
type Channel struct {
	device.Channel
	Devices    []device.Device  // with the points that the driver reads
	Own        []device.Point   // of its devices: those that the gateway works out itself
	Turnaround time.Duration    // how long its devices think before they answer; 0: what is usual
	Passwords  []passwords.File // where the user and password of cameras' addresses come from
}

// Devices of all channels, in the order of the file, with all of their points.
func (s *Site) Devices() []device.Device {
	var all []device.Device
	for _, c := range s.Channels {
		all = append(all, c.whole()...)
	}
	return all
}

// Language of the messages for people.
type Language string

// The two languages of the product.
const (
	Chinese Language = "zh"
	English Language = "en"
)

// Accepted is the first language of an Accept-Language header that the product has; Chinese when there is none.
func Accepted(header string) Language {
	for part := range strings.SplitSeq(header, ",") {
		switch lang := strings.ToLower(strings.TrimSpace(part)); {
		case strings.HasPrefix(lang, "zh"):
			return Chinese
		case strings.HasPrefix(lang, "en"):
			return English
		}
	}
	return Chinese
}

// A Report is what Check found.
type Report struct {
	Site                     *Site // nil when a problem is fatal
	Problems                 configs.Problems
	Channels, Devices, Rules int // as far as they could be read

	pushed bool // something of the cloud is in it
}

// Load reads a site. The problems may hold warnings beside a usable site; the site is nil when one of them is fatal. A line that
// cannot carry its devices is a warning here: who reads one device, or plays rules, is not stopped by that.
func Load(file string, lang Language) (*Site, configs.Problems) {
	r := hide(check(file, lang, ways{}))
	return r.Site, r.Problems
}

// LoadForStart is Load for a gateway that must run: where nothing but the rules is wrong, the last good ones, which Keep left in the
// data folder, stand in, and Site.Refused says why. A fragment of the include folder that is broken is left out, and Site.LeftOut
// says why.
func LoadForStart(file string, lang Language) (*Site, configs.Problems) {
	r := hide(check(file, lang, ways{standIn: true, leaveOut: true}))
	return r.Site, r.Problems
}

// LoadRules is Load for a gateway that takes up rules while it runs: broken rules refuse all of it, broken fragments do not.
func LoadRules(file string, lang Language) (*Site, configs.Problems) {
	r := hide(check(file, lang, ways{leaveOut: true}))
	return r.Site, r.Problems
}

// LoadWith is Load as it would be with other fragments, by their file names in the include folder; nil content: there is no such
// file. Devices that a line cannot carry beside those it has are a mistake.
func LoadWith(file string, lang Language, fragments map[string][]byte) (*Site, configs.Problems) {
	r := hide(check(file, lang, ways{overlay: fragments}))
	return r.Site, r.Problems
}

// password is what stands between a scheme and a host, by mistake or from a password file.
var password = regexp.MustCompile(`://\S*@`)

// Check reads a site and counts what is in it, also when it is not usable. A line that cannot carry its devices is a mistake. No
// message repeats a password of an address.
func Check(file string, lang Language) Report { return hide(check(file, lang, ways{strict: true})) }

func hide(r Report) Report {
	for i, p := range r.Problems {
		r.Problems[i].Message, r.Problems[i].Source = password.ReplaceAllString(p.Message, "://***@"), password.ReplaceAllString(p.Source, "://***@")
	}
	if r.Site != nil {
		for i, p := range r.Site.LeftOut {
			r.Site.LeftOut[i].Message, r.Site.LeftOut[i].Source = password.ReplaceAllString(p.Message, "://***@"), password.ReplaceAllString(p.Source, "://***@")
		}
	}
	return r
}

// check reads a site, and again without the fragments that are broken where these may be left out.
func check(file string, lang Language, how ways) Report {
	how.left = map[string]bool{}
	var leftOut configs.Problems
	for {
		r, broken := checkOnce(file, lang, how)
		if how.leaveOut && r.Site == nil && len(broken) == 0 && r.pushed && !how.unpushed {
			return byItself(r, file, lang, how)
		}
		if !how.leaveOut || len(broken) == 0 {
			if r.Site != nil {
				r.Site.LeftOut = leftOut
			}
			return r
		}
		for name, problems := range sorted(broken) {
			how.left[name] = true
			leftOut = append(leftOut, problems...)
		}
	}
}

// byItself reads a site without what the cloud has pushed: that does not fit it any more, and a gateway always starts.
func byItself(with Report, file string, lang Language, how ways) Report {
	how.unpushed = true
	r := check(file, lang, how)
	if r.Site == nil {
		return with
	}
	r.Site.Unpushed = with.Problems.Fatal()
	return r
}

func checkOnce(file string, lang Language, how ways) (Report, map[string]configs.Problems) {
	l := newLoader(file, lang, how)
	data, err := os.ReadFile(file)
	if err != nil {
		return Report{Problems: configs.Problems{{File: file, Message: l.say("读不到文件：%v", "cannot be read: %v", unwrapPath(err))}}}, nil
	}
	if l.file, err = configs.Parse(file, data); err != nil {
		return Report{Problems: l.translated(err)}, nil
	}
	if err := l.file.Decode(&l.raw); err != nil {
		l.told = l.translated(err)
	}
	l.hash.Write(data)
	l.push()
	l.include()
	l.build()
	r := Report{Site: l.site, Problems: l.byPart(append(l.told, l.problems...)), Channels: len(l.raw.Channels), Devices: len(l.site.Devices())}
	if l.site.Rules != nil {
		r.Rules = len(l.site.Rules.Rules())
	}
	r.pushed = l.set != nil
	if l.set != nil {
		r.Site.Pushed = l.set.Revision
	}
	if r.Problems.Fatal() != nil {
		r.Site = nil
	}
	return r, l.broken(r.Problems)
}
