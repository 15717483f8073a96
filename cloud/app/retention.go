package app

import (
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/retention"
)

// Retention is how long the cloud keeps what it need not keep for ever; durations, 0s: for ever.
type Retention struct {
	Photos    string `yaml:"photos"`
	Messages  string `yaml:"messages"`
	Reporters string `yaml:"reporters"`
	Journal   string `yaml:"journal"`
	Audit     string `yaml:"audit"`
	Evidence  string `yaml:"evidence"`

	keep     retention.Keep
	evidence time.Duration
}

func (c *checker) retention() {
	r := &c.cfg.Retention
	for _, k := range []struct {
		key, standard string
		text          *string
		to            *time.Duration
	}{
		{"photos", "2160h", &r.Photos, &r.keep.Photos}, {"messages", "2160h", &r.Messages, &r.keep.Messages}, {"reporters", "9600h", &r.Reporters, &r.keep.Reporters},
		{"journal", "9600h", &r.Journal, &r.keep.Journal}, {"audit", "26280h", &r.Audit, &r.keep.Audit}, {"evidence", "720h", &r.Evidence, &r.evidence},
	} {
		if *k.text == "" {
			*k.text = k.standard
		}
		var err error
		if *k.to, err = time.ParseDuration(*k.text); err != nil || *k.to < 0 {
			c.wrong("$.retention."+k.key, fmt.Sprintf("%q is no duration", *k.text), "such as "+k.standard+"; 0s keeps it for ever")
		}
	}
}

// forgetting deletes what is older than the configuration lets it get.
func (a *App) forgetting() *retention.Service {
	return retention.New(retention.Config{DB: a.db, Keep: a.cfg.Retention.keep, Now: a.opt.Now, Log: a.opt.Log})
}
