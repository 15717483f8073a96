package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"text/template"
	"unicode"
)

// A View is what the templates of a webhook see. Names and sentences come from gateways: put them through json, or
// through urlquery, where the receiver's format asks for it.
type View struct {
	Event    string // the same in every attempt
	Kind     string // opened, severity, overdue, reminder, taken, recovered, closed, …; test
	Severity string // A, B or C; of a digest the worst
	Title    string // such as 燃气高报
	Text     string // the whole message as plain text, at most 500 characters; of a digest its lines
	Site     string
	Place    string // place, or else the device's name
	Incident string // number, such as GJ-20261122-0001; empty in a test
	Since    string // such as 2026-11-22 08:30:00
	Link     string // to see and take the incident; empty without public_url
	Count    int    // of incidents in a digest, else 1
	Phone    string // of the person whom the message is for; templates that use it make one message for each person
	Name     string
	Role     string // 责任人, 代理人, 街道, or the kind of a contact
}

// HookText is a webhook's form as the configuration writes it.
type HookText struct {
	Method  string            // POST (default) or PUT
	Headers map[string]string // values are templates
	Body    string            // template
	OK      string            // regular expression that the answer to a message that was taken matches; empty: any with 2xx
	Retry   string            // regular expression of an answer that a later attempt may change
}

// A Hook is a webhook's form, checked.
type Hook struct {
	method    string
	headers   map[string]*template.Template
	body      *template.Template
	ok, retry *regexp.Regexp
	personal  bool // its templates name a person's phone
}

// maxBody bounds what templates make, in bytes.
const maxBody = 64 << 10

// ParseHook checks the form by writing an example with it.
func ParseHook(t HookText) (*Hook, error) {
	h := &Hook{method: t.Method, headers: map[string]*template.Template{}}
	if h.method == "" {
		h.method = http.MethodPost
	}
	if h.method != http.MethodPost && h.method != http.MethodPut {
		return nil, fmt.Errorf("method %q: use POST or PUT", t.Method)
	}
	var err error
	names := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
	for name, value := range t.Headers {
		if !names.MatchString(name) {
			return nil, fmt.Errorf("%q is no name of a header", name)
		}
		if h.headers[name], err = parse(value); err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
	}
	if h.body, err = parse(t.Body); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if h.ok, err = expression(t.OK); err != nil {
		return nil, fmt.Errorf("answer_ok: %w", err)
	}
	if h.retry, err = expression(t.Retry); err != nil {
		return nil, fmt.Errorf("answer_retry: %w", err)
	}
	example := View{"GJ-20261122-0001-opened-sms-1", "opened", "A", `燃气"高"报`, `【A级·燃气"高"报】锦绣花园/"3"栋`, `"锦绣"花园`, `"3"栋`, "GJ-20261122-0001", "2026-11-22 08:30:00", "https://linshao.example/a/1", 1, "13800000000", `"张"三`, "责任人"}
	h.personal = usesPhone(t)
	header, body, err := h.write(example, []byte("0123456789abcdef"))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(header.Get("Content-Type"), "application/json") && !json.Valid(body) {
		return nil, errors.New("body: with a quotation mark in a name it is no JSON; write {{json .Text}}, without quotation marks around it, or set the header Content-Type")
	}
	return h, nil
}

// Personal says that each message of the form is for one person, whose phone its templates name.
func (h *Hook) Personal() bool { return h.personal }

func usesPhone(t HookText) bool {
	phone := regexp.MustCompile(`\{\{[^}]*\.Phone\b`)
	for _, value := range t.Headers {
		if phone.MatchString(value) {
			return true
		}
	}
	return phone.MatchString(t.Body)
}

func parse(text string) (*template.Template, error) {
	return template.New("").Option("missingkey=error").Funcs(functions(nil)).Parse(text)
}

func expression(text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	return regexp.Compile(text)
}

// functions are what templates may call besides text/template's own.
func functions(secret []byte) template.FuncMap {
	return template.FuncMap{
		"json": func(s string) (string, error) {
			b, err := json.Marshal(s)
			return string(b), err
		},
		"cut":    func(n int, s string) string { return cut(s, max(n, 1)) },
		"secret": func() string { return string(secret) },
		"hmac": func(s string) string {
			h := hmac.New(sha256.New, secret)
			io.WriteString(h, s) //nolint:errcheck // a hash takes everything
			return hex.EncodeToString(h.Sum(nil))
		},
	}
}

// write answers the headers and the body of one message.
func (h *Hook) write(v View, secret []byte) (http.Header, []byte, error) {
	header := http.Header{"Content-Type": {jsonType}}
	for name, t := range h.headers {
		value, err := execute(t, v, secret)
		if err != nil {
			return nil, nil, fmt.Errorf("header %s: %w", name, err)
		}
		if bytes.ContainsFunc(value, unicode.IsControl) {
			return nil, nil, fmt.Errorf("header %s: it has more than one line", name)
		}
		header.Set(name, string(value))
	}
	body, err := execute(h.body, v, secret)
	if err != nil {
		return nil, nil, fmt.Errorf("body: %w", err)
	}
	return header, body, nil
}

func execute(t *template.Template, v View, secret []byte) ([]byte, error) {
	t, err := t.Clone() // functions belong to one message: two senders may share the form
	if err != nil {
		return nil, err
	}
	out := &bounded{}
	if err := t.Funcs(functions(secret)).Execute(out, v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// bounded refuses what grows too long.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxBody {
		return 0, fmt.Errorf("it is longer than %d bytes", maxBody)
	}
	return b.Buffer.Write(p)
}

// judge reads the answer of a gateway that says with 200 that it refuses. What it took in an unknown way is not sent
// again: a text message each five minutes would be worse than the record that says so.
func (h *Hook) judge(status int, said string) answer {
	switch {
	case h.retry != nil && h.retry.MatchString(said):
		return answer{}
	case status < 200 || status >= 300:
		return answer{never: !temporary(status)}
	case h.ok != nil && !h.ok.MatchString(said):
		return answer{never: true}
	}
	return answer{ok: true}
}
