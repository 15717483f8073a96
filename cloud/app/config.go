package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// A Config is what cloud.yaml says, with its defaults filled in and its paths made whole.
type Config struct {
	Data       string                `yaml:"data"`
	SQL        string                `yaml:"sql"`
	SQLFile    string                `yaml:"sql_password_file"`
	PublicURL  string                `yaml:"public_url"`
	Timezone   string                `yaml:"timezone"`
	HTTP       HTTP                  `yaml:"http"`
	MQTT       MQTT                  `yaml:"mqtt"`
	Enroll     Enroll                `yaml:"enroll"`
	Series     Series                `yaml:"series"`
	Notify     []Receiver            `yaml:"notify"`
	Overdue    string                `yaml:"overdue"`
	Escalation map[string]Escalation `yaml:"escalation"`
	Merge      Merge                 `yaml:"merge"`
	Dock       []Dock                `yaml:"dock"`
	Mailboxes  map[string]string     `yaml:"mailboxes"`
	Handling   Handling              `yaml:"handling"`
	Retention  Retention             `yaml:"retention"`
	Evidence   Evidence              `yaml:"evidence"`
	Update     Update                `yaml:"update"`
	Health     Health                `yaml:"health"`
	Sites      map[string]string     `yaml:"sites"`
	OIDC       OIDC                  `yaml:"oidc"`

	zone        *time.Location
	sqlPassword string
	rules       *rules.Set // of incidents that wait too long
	policy      notify.Policy
}

// HTTP is where the page is served.
type HTTP struct {
	Listen      string `yaml:"listen"`
	Cert        string `yaml:"cert"`
	Key         string `yaml:"key"`
	BehindProxy bool   `yaml:"behind_proxy"`
}

// MQTT is how gateways reach the cloud.
type MQTT struct {
	Listen string `yaml:"listen"`
	URL    string `yaml:"url"`
	CA     string `yaml:"ca"`
	Cert   string `yaml:"cert"`
	Key    string `yaml:"key"`
	Files  string `yaml:"files"`
	PID    string `yaml:"pid_file"`
}

// Enroll is how gateways come to their certificates.
type Enroll struct {
	CA     string `yaml:"ca"`
	Broker string `yaml:"broker"`
	Pin    string `yaml:"pin"`
	Life   string `yaml:"life"`

	life time.Duration
	pin  *[16]byte
}

// Health is when devices and gateways count as silent.
type Health struct {
	Delivery string `yaml:"delivery"`
	Tell     string `yaml:"tell_silent_gateway"`

	delivery, tell time.Duration
}

// Series is where readings are kept.
type Series struct {
	Kind      string `yaml:"kind"`
	URL       string `yaml:"url"`
	TokenFile string `yaml:"token_file"`
	Org       string `yaml:"org"`
	Bucket    string `yaml:"bucket"`
	Retention string `yaml:"retention"`

	token string
	keep  time.Duration
}

// Kinds of series stores.
const (
	kindSQLite   = "sqlite"
	kindInflux   = "influx"
	kindVictoria = "victoriametrics"
)

// Load reads and checks the file; the error is configs.Problems and names every mistake.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("没有配置文件，用 --config 指定 · there is no such configuration, name yours with --config: %w", err)
	}
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, text)
}

// secrets is what addresses may hold: a user with a password, and the key of a robot.
var secrets = regexp.MustCompile(`(://)\S*(@)|((?:[?&](?:key|access_token|token)=|/hook/))[^\s&'"]*()`)

// Parse checks the text of the file at path. Files that it names are looked for beside it. No message repeats a secret.
func Parse(path string, text []byte) (Config, error) {
	cfg, err := parse(path, text)
	var problems configs.Problems
	if errors.As(err, &problems) {
		for i, p := range problems {
			problems[i].Message, problems[i].Source = secrets.ReplaceAllString(p.Message, "$1$3***$2$4"), secrets.ReplaceAllString(p.Source, "$1$3***$2$4")
		}
	}
	return cfg, err
}

func parse(path string, text []byte) (Config, error) {
	f, err := configs.Parse(path, text)
	if err != nil {
		return Config{}, err
	}
	c := checker{file: f, dir: filepath.Dir(path)}
	if err := f.Decode(&c.cfg); err != nil {
		if !errors.As(err, &c.problems) {
			return Config{}, err
		}
	}
	c.defaults()
	c.sql()
	c.http()
	c.oidc()
	c.mqtt()
	c.enroll()
	c.series()
	c.overdue()
	c.retention()
	c.evidence()
	c.update()
	c.escalation()
	c.handling()
	c.health()
	c.merge()
	ids := map[string]bool{}
	for i := range c.cfg.Notify {
		c.receiver(i, ids)
	}
	docks := map[string]bool{}
	for i := range c.cfg.Dock {
		c.dock(i, docks)
	}
	if len(c.problems) > 0 {
		return Config{}, c.problems
	}
	return c.cfg, nil
}

type checker struct {
	file     *configs.File
	dir      string
	cfg      Config
	problems configs.Problems
}

func (c *checker) wrong(path, message, hint string) {
	c.problems = append(c.problems, c.file.Problem(path, message, hint))
}

func (c *checker) defaults() {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&c.cfg.Data, "/var/lib/linshao-cloud")
	set(&c.cfg.Timezone, "Asia/Shanghai")
	set(&c.cfg.HTTP.Listen, "127.0.0.1:8443")
	if c.cfg.MQTT.URL == "" {
		set(&c.cfg.MQTT.Listen, "127.0.0.1:1883")
	}
	set(&c.cfg.Series.Kind, kindSQLite)
	set(&c.cfg.Series.Retention, "9600h")
	c.cfg.Data = c.beside(c.cfg.Data)
	var err error
	if c.cfg.zone, err = time.LoadLocation(c.cfg.Timezone); err != nil || c.cfg.Timezone == "Local" {
		c.wrong("$.timezone", fmt.Sprintf("unknown time zone %q", c.cfg.Timezone), "Asia/Shanghai")
	}
	if u := c.cfg.PublicURL; u != "" && !isURL(u, "http", "https") {
		c.wrong("$.public_url", fmt.Sprintf("%q is no address of a page", u), "https://linshao.example")
	}
}

func (c *checker) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}

// sql checks the address of PostgreSQL and makes the paths in it whole.
func (c *checker) sql() {
	c.cfg.sqlPassword = string(c.secret("$.sql_password_file", &c.cfg.SQLFile))
	if c.cfg.SQL == "" {
		if c.cfg.SQLFile != "" {
			c.wrong("$.sql_password_file", "a password of no database", "set sql, such as postgres://linshao@127.0.0.1/linshao")
		}
		return
	}
	if err := db.CheckURL(c.cfg.SQL); err != nil {
		c.wrong("$.sql", "the address of the database cannot be used: "+err.Error(), "postgres://linshao@db.example/linshao?sslmode=verify-full")
		return
	}
	u, err := url.Parse(c.cfg.SQL)
	if err != nil {
		return // CheckURL has parsed it
	}
	q := u.Query()
	for _, key := range []string{"sslrootcert", "sslcert", "sslkey"} {
		if name := q.Get(key); name != "" {
			c.files("$", map[string]*string{"sql": &name})
			q.Set(key, name)
		}
	}
	u.RawQuery = q.Encode()
	c.cfg.SQL = u.String()
}

func (c *checker) http() {
	h := &c.cfg.HTTP
	c.address("$.http.listen", h.Listen)
	c.files("$.http", map[string]*string{"cert": &h.Cert, "key": &h.Key})
	if (h.Cert == "") != (h.Key == "") {
		c.wrong("$.http", "cert and key belong together", "set both or neither")
	}
	if h.Cert == "" && !h.BehindProxy && !broker.Loopback(h.Listen) {
		c.wrong("$.http.listen", "beyond loopback the page must be served by TLS", "set cert and key, or behind_proxy when a reverse proxy speaks TLS")
	}
}

func (c *checker) mqtt() {
	m := &c.cfg.MQTT
	c.files("$.mqtt", map[string]*string{"ca": &m.CA, "cert": &m.Cert, "key": &m.Key})
	if (m.Cert == "") != (m.Key == "") {
		c.wrong("$.mqtt", "cert and key belong together", "set both or neither")
	}
	if m.URL != "" {
		if m.Listen != "" {
			c.wrong("$.mqtt.listen", "listen and url exclude each other", "listen: embedded broker; url: a broker of your own")
		}
		if !isURL(m.URL, "mqtt", "mqtts") {
			c.wrong("$.mqtt.url", fmt.Sprintf("%q is no address of a broker", m.URL), "mqtts://broker.example:8883")
		}
		return
	}
	c.address("$.mqtt.listen", m.Listen)
	if tls := m.CA != "" && m.Cert != "" && m.Key != ""; !tls && !broker.Loopback(m.Listen) {
		c.wrong("$.mqtt.listen", "beyond loopback gateways must show certificates", "set ca, cert and key")
	} else if !tls && (m.CA != "" || m.Cert != "") {
		c.wrong("$.mqtt", "TLS of the embedded broker needs ca, cert and key", "set all three or none")
	}
}

func (c *checker) series() {
	s := &c.cfg.Series
	kinds := []string{kindSQLite, kindInflux, kindVictoria}
	if !slices.Contains(kinds, s.Kind) {
		hint := strings.Join(kinds, ", ")
		if near := configs.Nearest(s.Kind, kinds); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		c.wrong("$.series.kind", fmt.Sprintf("unknown kind of store %q", s.Kind), hint)
		return
	}
	var err error
	if s.keep, err = time.ParseDuration(s.Retention); err != nil || s.keep < 0 {
		c.wrong("$.series.retention", fmt.Sprintf("%q is no duration", s.Retention), "such as 9600h")
	}
	if s.Kind != kindSQLite && !isURL(s.URL, "http", "https") {
		c.wrong("$.series.url", "the store needs the address of its server", "http://127.0.0.1:8428")
	}
	if s.Kind == kindInflux && (s.Org == "" || s.Bucket == "") {
		c.wrong("$.series", "InfluxDB needs org and bucket", "")
	}
	s.token = strings.TrimSpace(string(c.secret("$.series.token_file", &s.TokenFile)))
}

// shippedOverdue is the file of rules when the configuration names none.
const shippedOverdue = "rules/incident.yaml"

// overdue reads the rules of how long an incident may wait.
func (c *checker) overdue() {
	text, err := configs.FS.ReadFile(shippedOverdue)
	name := shippedOverdue
	if c.cfg.Overdue != "" {
		c.cfg.Overdue = c.beside(c.cfg.Overdue)
		name = c.cfg.Overdue
		text, err = os.ReadFile(name)
	}
	if err != nil {
		c.wrong("$.overdue", err.Error(), "")
		return
	}
	var problems configs.Problems
	if c.cfg.rules, err = rules.Load([]rules.Source{{Name: name, Data: text}}); errors.As(err, &problems) {
		c.problems = append(c.problems, problems...)
		return
	} else if err != nil {
		c.wrong("$.overdue", err.Error(), "")
		return
	}
	for _, r := range c.cfg.rules.Rules() {
		if r.Kind != "incident" {
			c.wrong("$.overdue", fmt.Sprintf("rule %s is about a %s, which a gateway judges", r.ID, r.Kind), "rules of kind incident")
		}
	}
}

var receiverID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (c *checker) address(path, listen string) {
	host, port, err := net.SplitHostPort(listen)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 || (host != "" && host != "localhost" && net.ParseIP(host) == nil) {
		c.wrong(path, fmt.Sprintf("%q is no address to listen on", listen), "such as 127.0.0.1:8443, or 0.0.0.0:8443 for all interfaces")
	}
}

// files makes the paths whole and checks that they can be read.
func (c *checker) files(path string, names map[string]*string) {
	for key, name := range names {
		if *name == "" {
			continue
		}
		*name = c.beside(*name)
		if _, err := os.ReadFile(*name); err != nil {
			c.wrong(path+"."+key, err.Error(), "")
		}
	}
}

// secret reads a file that only its owner may read.
func (c *checker) secret(path string, name *string) []byte {
	if *name == "" {
		return nil
	}
	*name = c.beside(*name)
	info, err := os.Stat(*name)
	if err != nil {
		c.wrong(path, err.Error(), "")
		return nil
	}
	if info.Mode().Perm()&0o077 != 0 {
		c.wrong(path, fmt.Sprintf("%s can be read by others", *name), "chmod 600")
		return nil
	}
	b, err := os.ReadFile(*name)
	if err != nil {
		c.wrong(path, err.Error(), "")
		return nil
	}
	return []byte(strings.TrimSpace(string(b)))
}

func isURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme)
}
