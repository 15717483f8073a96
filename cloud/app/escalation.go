package app

import (
	"cmp"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/notify"
)

// Escalation is who is told of incidents of one class. What is left out is as shipped.
type Escalation struct {
	Rungs  []Rung  `yaml:"rungs"`
	Remind string  `yaml:"remind"`
	Most   *int    `yaml:"most"`
	Digest *Digest `yaml:"digest"`
}

// Rung is one step of it.
type Rung struct {
	Tell []string `yaml:"tell"`
	By   []string `yaml:"by"`
}

// Digest is how often messages of a class go out together.
type Digest struct {
	Every string `yaml:"every"`
	From  string `yaml:"from"`
	To    string `yaml:"to"`
}

// mostRungs is how many steps a class has: when it is opened, and the three whistles.
const mostRungs = 4

// escalation makes the policy, and checks what the configuration changes in it.
func (c *checker) escalation() {
	c.cfg.policy = notify.DefaultPolicy()
	for class, e := range c.cfg.Escalation {
		path := "$.escalation." + class
		if !slices.Contains([]string{"A", "B", "C"}, class) {
			c.wrong(path, fmt.Sprintf("unknown class %q", class), "A, B or C")
			continue
		}
		p := c.cfg.policy[class]
		if len(e.Rungs) > mostRungs {
			c.wrong(path+".rungs", fmt.Sprintf("%d rungs", len(e.Rungs)), "at most 4: when it is opened, and the three whistles")
		}
		if e.Rungs != nil {
			p.Rungs = c.rungs(path, e.Rungs)
		}
		if e.Remind != "" {
			p.Remind = c.duration(path+".remind", e.Remind, time.Second)
		}
		if e.Most != nil {
			if p.Most = *e.Most; p.Most < 0 || p.Most > 100 {
				c.wrong(path+".most", fmt.Sprintf("%d is no number of reminders", p.Most), "0 to 100")
			}
		}
		if e.Digest != nil {
			p.Digest = c.digest(path+".digest", *e.Digest)
		}
		c.cfg.policy[class] = p
	}
	for who, box := range c.cfg.Mailboxes {
		if a, err := mail.ParseAddress(box); err != nil || a.Address != box {
			c.wrong("$.mailboxes", fmt.Sprintf("%q of %s is no mail address", box, who), "such as zhang@street.example")
		}
	}
}

func (c *checker) rungs(path string, list []Rung) []notify.Rung {
	out := make([]notify.Rung, len(list))
	for i, r := range list {
		out[i] = notify.Rung{Tell: r.Tell, By: r.By}
		if err := out[i].Check(); err != nil {
			c.wrong(fmt.Sprintf("%s.rungs[%d]", path, i), err.Error(), "")
		}
		if len(r.By) == 0 {
			c.wrong(fmt.Sprintf("%s.rungs[%d]", path, i), "a rung without by tells nobody", "by: [group]")
		}
	}
	return out
}

func (c *checker) digest(path string, d Digest) notify.Digest {
	out := notify.Digest{}
	if d.Every == "0s" {
		return out
	}
	out.Every = c.duration(path+".every", d.Every, time.Minute)
	out.From, out.To = c.clock(path+".from", cmp.Or(d.From, "08:00")), c.clock(path+".to", cmp.Or(d.To, "20:00"))
	if out.To < out.From {
		c.wrong(path, "to lies before from", "from: \"08:00\", to: \"20:00\"")
	}
	return out
}

// duration is 0 or at least so long.
func (c *checker) duration(path, text string, least time.Duration) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 0 && d < least {
		c.wrong(path, fmt.Sprintf("%q is no duration of at least %v", text, least), "such as 3m; 0s: none")
	}
	return d
}

// clock is a time of the day.
func (c *checker) clock(path, text string) time.Duration {
	at, err := time.Parse("15:04", text)
	if err != nil {
		c.wrong(path, fmt.Sprintf("%q is no time of the day", text), "such as \"08:00\"")
		return 0
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
}

// quiet reads such as 22:00-07:00.
func (c *checker) quiet(path, text string) notify.Quiet {
	if text == "" {
		return notify.Quiet{}
	}
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		c.wrong(path, fmt.Sprintf("%q is no time from and to", text), "such as 22:00-07:00")
		return notify.Quiet{}
	}
	return notify.Quiet{From: c.clock(path, strings.TrimSpace(from)), To: c.clock(path, strings.TrimSpace(to))}
}

// reach checks by what means a receiver reaches people.
func (c *checker) reach(r *Receiver, path string) {
	r.hush = c.quiet(path+".quiet", r.Quiet)
	system := r.Kind == notify.Webhook && r.Body == ""
	if system && (r.Quiet != "" || r.Means != "") {
		c.wrong(path, "a webhook without a body tells another system: it has neither means nor quiet", "")
	}
	switch {
	case r.Means == "" || system:
	case !slices.Contains(notify.Means(), r.Means):
		c.wrong(path+".means", fmt.Sprintf("%q is no means", r.Means), strings.Join(notify.Means(), ", "))
	case r.Means == notify.Group:
	case r.Kind == notify.Webhook && r.hook != nil && !r.hook.Personal() && r.Means != notify.Mail:
		c.wrong(path+".means", "one person's message needs that person's number in the body or a header", "{{json .Phone}}")
	case r.Kind != notify.Webhook && !(r.Kind == notify.Mail && r.Means == notify.Mail):
		c.wrong(path+".means", fmt.Sprintf("a receiver of kind %s is no %s", r.Kind, r.Means), "")
	}
}

// Warnings answers what a configuration that can be used lacks.
func (c Config) Warnings() []string {
	if gaps := c.policy.Gaps(c.receivers()); gaps != "" {
		return []string{"notify: " + gaps}
	}
	return nil
}
