package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

type rulesWhyCmd struct {
	What   string `arg:"" name:"alert|rule/subject" help:"An alert, R16/gas-1802/20261122T091500Z, or a rule and a device (zone, site): R16/gas-1802, for its last alert and for why there is none now."`
	Config string `type:"path" xor:"where" required:"" help:"The site: gateway.yaml. When the gateway runs, it is asked too."`
	Data   string `type:"existingdir" xor:"where" required:"" help:"A data folder alone, such as a copy of one."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// explained is all that there is to tell.
type explained struct {
	rule, subject string
	life          *life          // nil: the log has none
	text          *rules.Excerpt // nil: it was not kept
	other         bool           // the text is of another version than the alert's
	now           *status.Why    // nil: the gateway was not asked, or did not answer
	silent        error          // why it did not
	zone          *time.Location
}

// alertForm is an alert's id: rule, subject (which may hold slashes), time and perhaps a number.
var alertForm = regexp.MustCompile(`^([^/]+)/(.+)/(\d{8}T\d{6}Z(?:-\d+)?)$`)

// Run tells an alert's life and why it is there, or why it is not. It reads the events log, so the gateway may run or not.
func (c rulesWhyCmd) Run(ctx context.Context, lang config.Language) error {
	x := &explained{zone: time.Local}
	data := c.Data
	var site *config.Site
	if c.Config != "" {
		var problems configs.Problems
		if site, problems = config.Load(shorter(c.Config), lang); site == nil {
			printProblems(os.Stderr, lang, problems.Fatal())
			return exit{code: exitFinding}
		}
		data, x.zone = site.Data, site.Location
	}
	alert := ""
	if m := alertForm.FindStringSubmatch(c.What); m != nil {
		alert, x.rule, x.subject = c.What, m[1], m[2]
	} else if rule, subject, ok := strings.Cut(c.What, "/"); ok && rule != "" && subject != "" {
		x.rule, x.subject = rule, subject
	} else {
		return exit{exitUsage, errors.New(speaker(lang)("写一条告警（R16/gas-1802/20261122T091500Z）或规则与设备（R16/gas-1802）", "name an alert (R16/gas-1802/20261122T091500Z), or a rule and a device (R16/gas-1802)"))}
	}
	all, err := readLives(data, func(id string) bool { return id == alert || alert == "" && strings.HasPrefix(id, c.What+"/") })
	if err != nil {
		return exit{exitDevice, err}
	}
	c.find(x, all, alert)
	if site != nil {
		x.now, x.silent = ask(ctx, site, x.rule, x.subject)
	}
	if x.life == nil && (alert != "" || x.now == nil) {
		return exit{exitFinding, c.nothing(lang, x, all, site, alert)}
	}
	x.findText(data, site)
	if c.JSON {
		return printed(x.json(), true)
	}
	x.print(os.Stdout, lang)
	return nil
}

// find takes the alert that is asked for, or the last one of rule and subject.
func (c rulesWhyCmd) find(x *explained, all *chronicle, alert string) {
	if alert != "" {
		if l := all.lives[alert]; l != nil && l.first() != nil {
			x.life = l
		}
		return
	}
	if last := all.newest(1, func(l *life) bool { return strings.HasPrefix(l.id, c.What+"/") && alertForm.MatchString(l.id) }); len(last) == 1 {
		x.life = last[0]
	}
}

// findText takes the rule's text of the alert's version, or else the newest there is.
func (x *explained) findText(data string, site *config.Site) {
	version := ""
	if x.life != nil {
		version = x.life.first().Version
	} else if x.now != nil {
		version = x.now.Version
	}
	known := config.Texts(data)
	if site != nil {
		known = append(known, rules.Excerpts(site.Sources)...)
	}
	for _, e := range known {
		if e.ID == x.rule && (e.Version == version || x.text == nil || x.text.Version != version) {
			x.text = &e
		}
	}
	x.other = x.text != nil && x.text.Version != version
}

// ask asks a gateway that runs. An answer that there is no such rule is an error too.
func ask(ctx context.Context, site *config.Site, rule, subject string) (*status.Why, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	host, port, err := net.SplitHostPort(site.Status.Listen)
	if err != nil {
		return nil, fmt.Errorf("ask the gateway: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/api/rules/why", RawQuery: url.Values{"rule": {rule}, "subject": {subject}}.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask the gateway: %w", err)
	}
	if site.Status.Password != "" {
		req.SetBasicAuth(site.Status.User, site.Status.Password)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is on this machine
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the gateway: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the gateway: it answers %s", resp.Status)
	}
	var why status.Why
	if err := json.NewDecoder(resp.Body).Decode(&why); err != nil {
		return nil, fmt.Errorf("ask the gateway: %w", err)
	}
	return &why, nil
}

// nothing says that there is no such alert, why that may be, and what there is.
func (c rulesWhyCmd) nothing(lang config.Language, x *explained, all *chronicle, site *config.Site, alert string) error {
	say := speaker(lang)
	known, subjects := all.names()
	if site != nil {
		for _, info := range site.Rules.Rules() {
			known = append(known, info.ID)
		}
		for _, d := range site.Subjects() {
			subjects = append(subjects, d.ID)
		}
	}
	var said []string
	switch {
	case len(known) > 0 && !slices.Contains(known, x.rule) && x.rule != rules.ActionRule:
		said = append(said, fmt.Sprintf(say("没有规则 %s", "there is no rule %s"), x.rule)+meant(lang, x.rule, known))
	case site != nil && !slices.Contains(subjects, x.subject) && site.Zones[x.subject] == "" && x.subject != "site":
		said = append(said, fmt.Sprintf(say("没有设备 %s", "there is no device %s"), x.subject)+meant(lang, x.subject, subjects))
	case alert != "" && x.before(alert, all.oldest):
		said = append(said, fmt.Sprintf(say("事件日志里已没有 %s：日志从 %s 开始", "the events log no longer holds %s: it begins at %s"), alert, all.oldest.In(x.zone).Format("2006-01-02 15:04:05")))
	case alert != "":
		said = append(said, fmt.Sprintf(say("事件日志里没有告警 %s", "the events log has no alert %s"), alert))
	default:
		said = append(said, fmt.Sprintf(say("%s 没有报过警", "%s has had no alert"), c.What))
		if x.silent != nil {
			said = append(said, fmt.Sprintf(say("网关没有应答，现在的情况不知道（%v）", "and the gateway does not answer, so nobody knows how things are now (%v)"), x.silent))
		}
	}
	if last := all.newest(10, func(*life) bool { return true }); len(last) > 0 {
		said = append(said, say("最近的告警：", "the last alerts:"))
		for _, l := range last {
			said = append(said, fmt.Sprintf("  %s  %s  %s", l.id, stateWord(lang, l.state()), pickText(lang, l.first().Title)))
		}
	}
	return errors.New(strings.Join(said, "\n"))
}

func meant(lang config.Language, word string, known []string) string {
	if near := configs.Nearest(word, known); near != "" {
		return fmt.Sprintf(speaker(lang)("，是不是 %s？", "; did you mean %s?"), near)
	}
	return ""
}

// before says whether an alert began before a time.
func (x *explained) before(alert string, oldest time.Time) bool {
	m := alertForm.FindStringSubmatch(alert)
	at, err := time.Parse("20060102T150405Z", m[3][:16])
	return err == nil && !oldest.IsZero() && at.Before(oldest.Truncate(time.Second))
}

func pickText(lang config.Language, t rules.Text) string {
	if lang == config.Chinese {
		return t.ZH
	}
	return t.EN
}
