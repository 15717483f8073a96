package doctor

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// mask stands where a secret was.
const mask = "***"

// A redactor takes secrets out of texts.
type redactor struct {
	known [][]byte
	data  string // the site's data folder; empty: not known
}

// shortest is the length below which a secret is too common a word to look for.
const shortestSecret = 4

func (r *redactor) hide(secret string) {
	if len(secret) >= shortestSecret {
		r.known = append(r.known, []byte(secret))
	}
}

// hideUser hides the password inside an address.
func (r *redactor) hideUser(address string) {
	if u, err := url.Parse(address); err == nil && u.User != nil {
		password, _ := u.User.Password()
		r.hide(password)
		r.hide(url.QueryEscape(password))
	}
}

// hideFile hides what a secret file says: a key or a password alone, or what stands behind a user. A private key has a pattern.
func (r *redactor) hideFile(name string) {
	data, err := os.ReadFile(name)
	if err != nil || len(data) > 1<<10 {
		return
	}
	text := strings.TrimSpace(string(data))
	if _, password, ok := strings.Cut(text, ":"); ok {
		text = password
	}
	if !strings.Contains(text, "\n") {
		r.hide(text)
	}
}

// secretFile is how the configuration names one.
func secretFile() *regexp.Regexp {
	return regexp.MustCompile(`(?:password|key)_file"?\s*:\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s,}\]]+))`)
}

// hideFilesOf hides what the secret files of a configuration say, whether it can be used or not.
func (r *redactor) hideFilesOf(dir string, config []Part) {
	for _, p := range config {
		for _, m := range secretFile().FindAllSubmatch(p.Data, -1) {
			name := string(bytes.Join(m[1:], nil)) // one of the three
			if !filepath.IsAbs(name) {
				name = filepath.Join(dir, name)
			}
			r.hideFile(name)
		}
	}
}

// A pattern is what a secret looks like, and what stays of it.
type pattern struct {
	what *regexp.Regexp
	by   string
}

// patterns are in the order in which they are looked for. A file's name behind password_file is none.
func patterns() []pattern {
	return []pattern{
		{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`), mask},
		{regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^\s"'<>]*@`), "${1}" + mask + "@"}, // to the last @: a password may hold / and @
		{regexp.MustCompile(`(?i)(\bauthorization"?\s*[:=]\s*)[^\n]*`), "${1}" + mask},
		// Its value as YAML, JSON and a log write it, also as JSON quotes a line of YAML.
		{regexp.MustCompile(`(?i)((?:password|passwd|secret|token|key|_session|密码|口令|密钥)\\?["']?\s*[:=：]\s*)(?:\\"[^"\n]*"|"(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?|[^\s,"'}\]]+)`), "${1}" + mask},
		{regexp.MustCompile(`(^|\D)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}\b`), "${1}" + mask}, // a mobile number
		{regexp.MustCompile(`\b[0-9A-Fa-f]{32,}\b`), mask},                                 // a key
		{regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}\b`), mask}, // a claim code
	}
}

// clean answers a text without secrets.
func (r *redactor) clean(text []byte) []byte {
	for _, secret := range r.known {
		text = bytes.ReplaceAll(text, secret, []byte(mask))
	}
	for _, p := range patterns() {
		text = p.what.ReplaceAll(text, []byte(p.by))
	}
	return []byte(strings.ToValidUTF8(string(text), "�"))
}
