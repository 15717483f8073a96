package uplink_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/freeport"
)

// realCloud is the cloud program behind a real broker, with VictoriaMetrics for its readings.
type realCloud struct {
	t         *testing.T
	dir       string
	page      string // base of its pages
	store     string // base of the store's
	transport *http.Transport
	client    *http.Client
}

func newRealCloud(t *testing.T, broker int) *realCloud {
	t.Helper()
	c := &realCloud{t: t, dir: t.TempDir(), page: fmt.Sprint("http://127.0.0.1:", freeport.Port(t)), store: fmt.Sprint("http://127.0.0.1:", freeport.Port(t)), transport: &http.Transport{}}
	c.client = &http.Client{Transport: c.transport}
	t.Cleanup(c.transport.CloseIdleConnections)
	bin := filepath.Join(c.dir, "cloud")
	build := exec.Command("go", "build", "-o", bin, "github.com/linshao/linshao/cloud")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped; what other tests have compiled is used again
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build cloud: %v\n%s", err, out)
	}
	// Rows are on its disk after each flush; those of one millisecond count once.
	c.run("victoria-metrics", program(t, "victoria-metrics", "victoria-metrics"), "-httpListenAddr="+strings.TrimPrefix(c.store, "http://"), "-storageDataPath=store",
		"-retentionPeriod=12", "-search.latencyOffset=0s", "-search.disableCache", "-dedup.minScrapeInterval=1ms", "-loggerLevel=WARN")
	c.answers(c.store + "/health")
	text := fmt.Sprintf("data: data\nhttp: {listen: %q}\nmqtt: {listen: \"\", url: \"mqtt://127.0.0.1:%d\"}\nseries: {kind: victoriametrics, url: %q}\n",
		strings.TrimPrefix(c.page, "http://"), broker, c.store)
	if err := os.WriteFile(filepath.Join(c.dir, "cloud.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("cloud", bin, "run", "--config", "cloud.yaml", "--demo")
	c.answers(c.page + "/healthz")
	return c
}

// run starts a program that ends with the test. What it says is shown when the test fails.
func (c *realCloud) run(name, path string, args ...string) {
	c.t.Helper()
	out := filepath.Join(c.dir, name+".log")
	f, err := os.Create(out)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(out); err == nil && c.t.Failed() {
			c.t.Logf("%s said:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
}

// get answers a page.
func (c *realCloud) get(address string) ([]byte, error) {
	resp, err := c.client.Get(address)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", address, resp.Status, text)
	}
	return text, err
}

func (c *realCloud) answers(address string) {
	c.t.Helper()
	for limit := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		_, err := c.get(address)
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			c.t.Fatal(err)
		}
	}
}

// brought is how many readings the cloud says it has brought to the store; one brought twice counts twice.
func (c *realCloud) brought() (n int) {
	c.t.Helper()
	text, err := c.get(c.page + "/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "linshao_inbox_readings_total "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				c.t.Fatal(err)
			}
			n = int(f)
		}
	}
	return n
}

// stored counts the readings of a device in the store itself.
func (c *realCloud) stored(device string, span time.Duration) (n int) {
	c.t.Helper()
	query := url.Values{"time": {strconv.FormatInt(time.Now().Unix()+60, 10)}, "query": {fmt.Sprintf(`sum(count_over_time(linshao_value{gateway=%q,device=%q}[%ds]))`, gateway, device, int(span.Seconds()))}}
	text, err := c.get(c.store + "/api/v1/query?" + query.Encode())
	if err != nil {
		c.t.Fatal(err)
	}
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Data.Result) != 1 {
		c.t.Fatalf("%s of %s: %v", text, device, err)
	}
	if n, err = strconv.Atoi(fmt.Sprint(answer.Data.Result[0].Value[1])); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// screen is an open page of the site: it notes how old what it shows of each device is, at every look.
type screen struct {
	mu    sync.Mutex
	at    map[string]time.Time // when what is shown was read
	begin time.Time
	ages  []float64 // seconds
	waits []float64 // seconds between reading and showing
}

// open watches the site until the test ends.
func (c *realCloud) open(names []string) *screen {
	c.t.Helper()
	s := &screen{at: map[string]time.Time{}, begin: time.Now()}
	for _, name := range names {
		s.at[name] = s.begin // nothing is shown yet: as if it had been read when the line came back
	}
	resp, err := c.client.Get(c.page + "/api/v1/stream?site=compound")
	if err != nil {
		c.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		for readings := false; lines.Scan(); {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "event: "):
				readings = line == "event: readings"
			case readings && strings.HasPrefix(line, "data: "):
				s.show([]byte(strings.TrimPrefix(line, "data: ")), time.Now())
			}
		}
	}()
	c.t.Cleanup(func() { resp.Body.Close(); <-done })
	return s
}

func (s *screen) show(data []byte, now time.Time) {
	var rs struct {
		Device string
		Points []struct{ At int64 }
	}
	if json.Unmarshal(data, &rs) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range rs.Points {
		if at := time.UnixMilli(p.At); at.After(s.at[rs.Device]) {
			s.waits = append(s.waits, now.Sub(at).Seconds())
			s.at[rs.Device] = at
		}
	}
}

// look notes the age of all that is shown now.
func (s *screen) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.at {
		s.ages = append(s.ages, now.Sub(at).Seconds())
	}
}
