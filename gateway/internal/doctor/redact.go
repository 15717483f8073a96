package doctor

import (
	"bytes"
	"net/url"
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

// patterns are what a secret looks like, with what stays of it. A file's name behind password_file is none.
func patterns() []struct {
	what *regexp.Regexp
	by   string
} {
	return []struct {
		what *regexp.Regexp
		by   string
	}{
		{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`), mask},
		{regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^\s/@"']+@`), "${1}" + mask + "@"},
		{regexp.MustCompile(`(?i)\b(password|passwd|secret|token|key|authorization)("?\s*[:=]\s*"?)[^\s,"'}]+`), "${1}${2}" + mask},
		{regexp.MustCompile(`\b1[3-9]\d{9}\b`), mask},                                      // a mobile number
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
