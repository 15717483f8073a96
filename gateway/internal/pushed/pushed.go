// Package pushed keeps what the cloud wants of a gateway's configuration, in one file of the data folder: the parts in force, those
// before them, and how the trial of new ones goes. One file, replaced in one step: whenever the power goes, either the old parts
// or the new ones count, never some of each. Package config lays the parts over the site's own files; the app takes new ones, has
// them checked, watches over their trial and takes them back.
//
// A part is one file by its name: rules/x.yaml, profiles/x.yaml, devices.d/x.yaml, or overrides.yaml (rule → mode, params). It stands
// for the site's own file of that name; an empty one says that this does not count. gateway.yaml itself cannot be pushed: who may
// log in, whom the gateway trusts, how it reaches the cloud and what lines it has is said on the machine alone.
package pushed

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

// Limits of a set.
const (
	mostParts  = 200
	mostBytes  = 512 << 10 // of all parts together
	mostStarts = 3         // of the process during one trial
	fileName   = "config.state"
)

// Where a part belongs.
const (
	Rules     = "rules"
	Profiles  = "profiles"
	Devices   = "devices.d"
	Overrides = "overrides.yaml"
)

// States of a set that the cloud wants.
const (
	Waits    = "waits" // for a moment at which nothing is at stake; the cloud asks again
	Refused  = "refused"
	Trial    = "trial" // in force, and watched
	Applied  = "applied"
	Reverted = "reverted"
)

// A Part is one file.
type Part struct {
	Name string `json:"name"`
	Data []byte `json:"data,omitempty"`
}

// A Set is all that is pushed.
type Set struct {
	Revision uint64 `json:"revision"`
	Parts    []Part `json:"parts"`
}

// Of are a set's parts of one folder, by the name within it; of no set there are none.
func (s *Set) Of(folder string) map[string][]byte {
	all := map[string][]byte{}
	if s == nil {
		return all
	}
	for _, p := range s.Parts {
		if filepath.Dir(p.Name) == folder {
			all[filepath.Base(p.Name)] = p.Data
		}
	}
	return all
}

// Overrides is the part of that name; nil: there is none.
func (s *Set) Overrides() []byte {
	if s == nil {
		return nil
	}
	for _, p := range s.Parts {
		if p.Name == Overrides {
			return p.Data
		}
	}
	return nil
}

// number answers a set's revision; 0 of none.
func (s *Set) number() uint64 {
	if s == nil {
		return 0
	}
	return s.Revision
}

// A Text is a rules.Text as the file has it.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// A Mistake is one of a part, or of a file of the site.
type Mistake struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
	Text Text   `json:"text"`
}

// A Verdict is what became of a revision.
type Verdict struct {
	Revision uint64    `json:"revision"`
	State    string    `json:"state"`
	Why      Text      `json:"why"`
	Mistakes []Mistake `json:"mistakes,omitempty"`
	Told     bool      `json:"told,omitempty"`
}

// A Before is how things stood before a trial: what must not be worse in it.
type Before struct {
	Set       *Set     `json:"set,omitempty"` // to go back to; nil: the site's own files alone
	Answered  []string `json:"answered"`      // devices that answered
	Connected bool     `json:"connected"`
	Crowded   []string `json:"crowded,omitempty"` // lines that could not keep their intervals
	Changed   []string `json:"changed,omitempty"` // lines that the set changes
	WatchS    uint32   `json:"watch_s"`
	Starts    int      `json:"starts"` // of the process since then
}

// Kept is the file.
type Kept struct {
	Newest  uint64   `json:"newest"` // revision that was decided on
	Current *Set     `json:"current,omitempty"`
	Trial   *Before  `json:"trial,omitempty"` // nil: none is under way
	Last    *Verdict `json:"last,omitempty"`
}

// InForce is the revision that is, by the file.
func (k Kept) InForce() uint64 { return k.Current.number() }

// Load reads the file of a data folder. A damaged one is put aside: the site's own files count then.
func Load(data string) (k Kept, err error) {
	_, text, err := state.LoadSealed(filepath.Join(data, fileName))
	if err == nil && text != nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		return Kept{}, fmt.Errorf("read pushed configuration: %w", err)
	}
	return k, nil
}

// Save replaces the file; when it answers, the disk has it.
func (k Kept) Save(data string, at time.Time) error {
	text, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encode pushed configuration: %w", err)
	}
	return state.SaveSealed(filepath.Join(data, fileName), at, text)
}

// Begin puts a set on trial.
func (k Kept) Begin(s *Set, before Before) Kept {
	before.Set = k.Current
	return Kept{Newest: s.Revision, Current: s, Trial: &before, Last: &Verdict{Revision: s.Revision, State: Trial}}
}

// Confirm ends the trial well.
func (k Kept) Confirm() Kept {
	return Kept{Newest: k.Newest, Current: k.Current, Last: &Verdict{Revision: k.InForce(), State: Applied}}
}

// Revert ends the trial badly: what was before is again.
func (k Kept) Revert(why rules.Text) Kept {
	return Kept{Newest: k.Newest, Current: k.Trial.Set, Last: &Verdict{Revision: k.InForce(), State: Reverted, Why: Text(why)}}
}

// Start counts a start of the process, before the site is read. A set that was on trial through too many of them is taken back: it
// may be what ends the process.
func Start(data string, now time.Time) error {
	k, err := Load(data)
	if err != nil || k.Trial == nil {
		return err
	}
	trial := *k.Trial
	if trial.Starts++; trial.Starts > mostStarts {
		k = k.Revert(rules.Text{ZH: fmt.Sprintf("观察期内网关重新启动了 %d 次", mostStarts+1), EN: fmt.Sprintf("the gateway was started %d times while it was watched", mostStarts+1)})
	} else {
		k.Trial = &trial
	}
	return k.Save(data, now)
}

var partName = regexp.MustCompile(`^(rules|profiles|devices\.d)/[a-z0-9][A-Za-z0-9._-]{0,63}\.yaml$`)

// Unpack reads the parts of a message. The error is for people, in English; what is wrong is never the gateway's doing.
func Unpack(c *wire.Config) (*Set, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*mostBytes), zstd.WithDecoderMaxWindow(2*mostBytes))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	defer z.Close()
	text, err := z.DecodeAll(c.GetParts(), nil)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	var parts wire.Parts
	if err := proto.Unmarshal(text, &parts); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	s := &Set{Revision: c.GetRevision()}
	size, seen := 0, map[string]bool{}
	for _, p := range parts.GetParts() {
		name := p.GetName()
		if name != Overrides && (!partName.MatchString(name) || slices.Contains([]string{".", ".."}, filepath.Base(name))) {
			return nil, fmt.Errorf("%.80q is nothing that can be pushed", name)
		}
		if seen[name] {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		size += len(p.GetData())
		s.Parts = append(s.Parts, Part{name, p.GetData()})
	}
	if len(s.Parts) > mostParts || size > mostBytes {
		return nil, errors.New("too much is pushed")
	}
	return s, nil
}
