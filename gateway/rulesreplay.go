package main

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/replay"
	"github.com/linshao/linshao/rules"
)

type rulesReplayCmd struct {
	Rules     []string      `arg:"" type:"path" help:"A folder of rules, or rule files that replace those of the site."`
	Config    string        `required:"" type:"path" help:"The site: gateway.yaml."`
	From      string        `help:"How long ago (90m, 2h, 7d), or a time of the site: 2026-11-22 18:30. Default: 7d; of a CSV file its beginning."`
	To        string        `help:"The same. Default: now; of a CSV file its end."`
	Warm      time.Duration `default:"12h" help:"How much before --from is judged without being reported, so that sessions and windows are known."`
	Compare   string        `placeholder:"current|DIR" help:"Rules to set beside: those of the site, or of a folder."`
	Emergency bool          `help:"As if the site were in emergency mode (急) all the time: what mode it was in is not recorded."`
	Device    []string      `placeholder:"ID" help:"Report these devices alone. All are judged."`
	CSV       string        `name:"csv" type:"path" placeholder:"FILE" help:"Readings from a CSV file instead of the gateway's log: columns time, device, point, value and perhaps unit, quality, reason."`
	Outcomes  string        `type:"path" placeholder:"FILE" help:"What people found: CSV with columns alert, outcome, as the cloud exports it (/api/v1/incidents/outcomes.csv)."`
	JSON      bool          `name:"json" help:"Print JSON."`
}

// A playedSet is a set of rules and what it made of the readings.
type playedSet struct {
	name   string
	set    *rules.Set
	report rules.ReplayReport
	missed []rules.RecordedAlert // closed alerts that it does not have
}

// A replayed is all that there is to tell.
type replayed struct {
	from, to time.Time
	took     time.Duration
	stats    replay.Stats
	sets     []playedSet // compared with first, if any; the rules in question last
	recorded []rules.RecordedAlert
	outcomes int // of the time
	outside  int // of other times
	log      bool
}

// Run judges recorded readings again. It only reads; no action is carried out.
func (c rulesReplayCmd) Run(lang config.Language) error {
	site, problems := config.Load(shorter(c.Config), lang)
	printProblems(os.Stderr, lang, problems.Fatal())
	if site == nil {
		return exit{code: exitFinding}
	}
	if err := c.known(lang, site); err != nil {
		return exit{exitUsage, err}
	}
	sets, ids, err := c.sets(site)
	if err != nil {
		return badRules(lang, err)
	}
	r, src, err := c.open(lang, site)
	if err != nil {
		return err
	}
	r.sets = sets
	if err := c.read(lang, site, r); err != nil {
		return err
	}
	began := time.Now()
	if err := c.play(site, r, src); err != nil {
		return exit{exitDevice, err}
	}
	r.took = time.Since(began)
	r.stats = src.Stats()
	if r.stats.Samples == 0 {
		return exit{exitFinding, c.nothing(lang, site)}
	}
	c.sum(r, ids)
	if c.JSON {
		return printed(r.json(), true)
	}
	r.print(os.Stdout, lang, site.Location)
	return nil
}

// A played is a source that says what it gave.
type played interface {
	replay.Source
	Stats() replay.Stats
}

// known refuses devices that the site does not have.
func (c rulesReplayCmd) known(lang config.Language, site *config.Site) error {
	var ids []string
	for _, d := range site.Subjects() {
		ids = append(ids, d.ID)
	}
	for _, id := range c.Device {
		if _, zone := site.Zones[id]; !zone && !slices.Contains(ids, id) && id != "site" {
			return fmt.Errorf(speaker(lang)("%s 里没有设备 %s；有：%s", "%s has no device %s; it has %s"), shorter(c.Config), id, strings.Join(ids, " "))
		}
	}
	return nil
}

// sets reads the rules to play, and answers those of them that are in question: all of a folder, or what files hold.
func (c rulesReplayCmd) sets(site *config.Site) (sets []playedSet, ids []string, err error) {
	draft, err := c.draft(site)
	if err != nil {
		return nil, nil, err
	}
	for _, info := range draft.Rules() {
		ids = append(ids, info.ID)
	}
	info, err := os.Stat(c.Rules[0])
	overlay := err == nil && !info.IsDir()
	if overlay {
		if ids, err = idsOf(c.Rules); err != nil {
			return nil, nil, err
		}
	}
	switch c.Compare {
	case "":
	case "current":
		sets = append(sets, playedSet{name: "current", set: site.Rules})
	default:
		other, err := folderRules(c.Compare)
		if err != nil {
			return nil, nil, err
		}
		sets = append(sets, playedSet{name: filepath.Base(c.Compare), set: other})
	}
	if !overlay && len(sets) > 0 { // what the draft has no more is in question too
		for _, info := range sets[0].set.Rules() {
			if !has(draft, info.ID) {
				ids = append(ids, info.ID)
			}
		}
	}
	return append(sets, playedSet{name: "draft", set: draft}), ids, nil
}

func has(set *rules.Set, id string) bool {
	return slices.ContainsFunc(set.Rules(), func(i rules.Info) bool { return i.ID == id })
}

// draft is a folder's set, or the site's with the rules of files.
func (c rulesReplayCmd) draft(site *config.Site) (*rules.Set, error) {
	info, err := os.Stat(c.Rules[0])
	if err != nil {
		return nil, fmt.Errorf("find rules: %w", err)
	}
	if info.IsDir() && len(c.Rules) == 1 {
		return folderRules(c.Rules[0])
	}
	var sources []rules.Source
	for _, file := range c.Rules {
		src, err := sourceOf(file)
		if err != nil {
			return nil, err
		}
		sources = append(sources, src)
	}
	return site.Rules.With(sources)
}

// idsOf are the rules of files, read again by themselves: what they give way to may stand elsewhere.
func idsOf(files []string) (ids []string, err error) {
	for _, file := range files {
		src, err := sourceOf(file)
		if err != nil {
			return nil, err
		}
		more, err := rules.IDs(src)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return ids, nil
}

// errNoRules: a folder holds no rule file.
type errNoRules struct{ dir string }

func (e errNoRules) Error() string { return "there are no rules (*.yaml) in " + e.dir }

func folderRules(dir string) (*rules.Set, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("find rules: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("find rules: %s is no folder", shorter(dir))
	}
	set, err := rulesOf(dir)
	if err == nil && len(set.Rules()) == 0 {
		return nil, errNoRules{shorter(dir)}
	}
	return set, err
}

// badRules tells why rules cannot be played.
func badRules(lang config.Language, err error) error {
	var ps configs.Problems
	var none errNoRules
	switch {
	case errors.As(err, &ps):
		printProblems(os.Stdout, lang, config.Translate(lang, ps))
		return exit{code: exitFinding}
	case errors.As(err, &none):
		return exit{exitUsage, fmt.Errorf(speaker(lang)("%s 里没有规则文件（*.yaml）：给出规则文件夹，或规则文件", "no rule files (*.yaml) in %s: name a folder of rules, or rule files"), none.dir)}
	case errors.Is(err, os.ErrNotExist):
		return exit{exitUsage, fmt.Errorf(speaker(lang)("找不到规则：%w", "the rules cannot be found: %w"), err)}
	}
	return exit{exitDevice, err}
}

// play judges by all sets at once.
func (c rulesReplayCmd) play(site *config.Site, r *replayed, src replay.Source) error {
	silence := map[device.Key]time.Duration{}
	for key, reporting := range site.Reporting {
		silence[key] = reporting.Silence
	}
	failed := make([]error, len(r.sets))
	var players []func(iter.Seq[rules.ReplayStep])
	for i := range r.sets {
		p := &r.sets[i]
		cfg := rules.ReplayConfig{Set: p.set, Devices: site.Subjects(), Overrides: overridesOf(p.set, site.Overrides), Silence: silence, From: r.from, To: r.to, Emergency: c.Emergency}
		players = append(players, func(steps iter.Seq[rules.ReplayStep]) { p.report, failed[i] = rules.Replay(cfg, steps) })
	}
	return errors.Join(append(failed, replay.Play(src, players...))...)
}

// overridesOf are the site's wishes for the rules that a set has.
func overridesOf(set *rules.Set, all map[string]rules.Override) map[string]rules.Override {
	some := maps.Clone(all)
	maps.DeleteFunc(some, func(id string, _ rules.Override) bool { return !has(set, id) })
	return some
}

// sum keeps what is asked for and joins it with what people found.
func (c rulesReplayCmd) sum(r *replayed, ids []string) {
	for i := range r.sets {
		p := &r.sets[i]
		p.report = p.report.Only(ids)
		if len(c.Device) > 0 {
			p.report = p.report.Of(c.Device)
		}
		if c.Outcomes != "" {
			p.missed = p.report.MatchOutcomes(r.recorded)
		}
	}
	r.recorded = slices.DeleteFunc(r.recorded, func(a rules.RecordedAlert) bool {
		return !slices.Contains(ids, a.Rule) || len(c.Device) > 0 && !slices.Contains(c.Device, a.Subject)
	})
	for _, a := range r.recorded {
		if a.Outcome != "" {
			r.outcomes++
		}
	}
	r.recorded = slices.DeleteFunc(r.recorded, func(a rules.RecordedAlert) bool { return cmp.Or(a.Since, r.from).Before(r.from) })
}
