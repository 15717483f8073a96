package app_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/rules"
)

// childEnv makes this test binary a cloud of its own that can be killed: it names the configuration.
const childEnv = "LINSHAO_TEST_CLOUD"

// child runs a cloud until SIGTERM.
func child(file string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := app.Load(file)
	if err == nil {
		var a *app.App
		if a, err = app.New(ctx, cfg, app.Options{Version: "test", Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Now: time.Now}); err == nil {
			err = a.Run(ctx)
			_ = a.Close()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// counterpart finds a program, or skips; LINSHAO_REQUIRE=1 makes the lack of it a failure.
func counterpart(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if path = "/usr/sbin/" + name; fileExists(path) {
		return path
	}
	if os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatalf("needs %s: apt-get install %[1]s", name)
	}
	t.Skipf("needs %s: apt-get install %[1]s", name)
	return ""
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// serve starts a program that listens at addr, until the test ends.
func serve(t *testing.T, addr string, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	within(t, 20*time.Second, cmd.Path+" listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

func within(t *testing.T, limit time.Duration, what string, look func() bool) time.Duration {
	t.Helper()
	began, tick, over := time.Now(), time.NewTicker(50*time.Millisecond), time.After(limit)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
	return time.Since(began)
}

// town is clouds in processes of their own that share a database, a broker and a series store.
type town struct {
	t        *testing.T
	place    *dbtest.Place
	db       *sql.DB
	mqtt     string
	victoria string
}

func newTown(t *testing.T) *town {
	place := dbtest.Postgres(t)
	n := &town{t: t, place: place, mqtt: freeport.Address(t), victoria: freeport.Address(t)}
	mosquitto, vm := counterpart(t, "mosquitto"), counterpart(t, "victoria-metrics")
	_, port, _ := net.SplitHostPort(n.mqtt)
	conf := filepath.Join(dbtest.Dir(t), "mosquitto.conf")
	if err := os.WriteFile(conf, []byte("listener "+port+" 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nuser root\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, n.mqtt, exec.Command(mosquitto, "-c", conf))
	serve(t, n.victoria, exec.Command(vm, "-httpListenAddr="+n.victoria, "-storageDataPath="+dbtest.Dir(t), "-retentionPeriod=12", "-search.latencyOffset=0s",
		"-search.disableCache", "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=64MB"))
	place.Open(t) // its tables
	return n
}

// cloud starts one; its process is killed at the end of the test, if it is still there.
func (n *town) cloud() *exec.Cmd {
	n.t.Helper()
	dir := dbtest.Dir(n.t)
	text := "data: data\nhttp: {listen: 127.0.0.1:0}\nmqtt: {url: 'mqtt://" + n.mqtt + "'}\nseries: {kind: victoriametrics, url: 'http://" + n.victoria + "'}\nmerge: {device: 0s, zone: 0s, flood: 0s}\n" + n.place.YAML(n.t, dir)
	file := filepath.Join(dir, "cloud.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+file)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		n.t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if b, err := os.ReadFile(log.Name()); err == nil && n.t.Failed() {
			n.t.Logf("cloud %d:\n%s", cmd.Process.Pid, b)
		}
	})
	return cmd
}

// post is a gateway as seen from the cloud: it sends again what is not acknowledged.
type post struct {
	id    string
	mu    sync.Mutex
	sent  [3]uint64 // newest sequence of each stream
	acked [3]uint64
	kept  [3][]*wire.Record // acked+1…sent
	first time.Time         // of its oldest record that is not acknowledged
	gap   time.Duration     // longest time without an acknowledgement
	known bool              // the cloud has answered its hello
}

// fleet is many gateways on one connection.
type fleet struct {
	t      *testing.T
	posts  map[string]*post
	client paho.Client
	enc    *wire.Encoder
	start  time.Time
	order  []*post
}

func newFleet(t *testing.T, addr string, size int) *fleet {
	enc, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, posts: map[string]*post{}, enc: enc, start: time.Now().Truncate(time.Second)}
	f.client = paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("fleet").SetAutoReconnect(false).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { f.take(m) }))
	f.must(f.client.Connect())
	t.Cleanup(func() { f.client.Disconnect(100) })
	for i := range size {
		p := &post{id: fmt.Sprintf("gw-%04d", i)}
		f.posts[p.id], f.order = p, append(f.order, p)
	}
	f.must(f.client.Subscribe("ls/1/+/+/down/ack", 0, nil))
	return f
}

func (f *fleet) must(token paho.Token) {
	if !token.WaitTimeout(20*time.Second) || token.Error() != nil {
		f.t.Errorf("mqtt: %v", token.Error())
	}
}

func (f *fleet) take(m paho.Message) {
	var a wire.Ack
	gateway, _, err := wire.ParseTopic(m.Topic())
	p := f.posts[gateway]
	if err != nil || p == nil || proto.Unmarshal(m.Payload(), &a) != nil || a.GetStream() > 2 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := a.GetStream()
	p.known = true
	if a.GetCum() > p.sent[s] {
		f.t.Errorf("%s: acknowledged %d of %d", p.id, a.GetCum(), p.sent[s])
	} else if a.GetCum() > p.acked[s] {
		p.kept[s] = p.kept[s][a.GetCum()-p.acked[s]:]
		p.acked[s] = a.GetCum()
		if len(p.kept[1])+len(p.kept[2]) == 0 {
			p.gap = max(p.gap, time.Since(p.first))
		}
	}
}

// add makes one alert event and one reading.
func (f *fleet) add(p *post) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.kept[1])+len(p.kept[2]) == 0 {
		p.first = time.Now()
	}
	n := p.sent[1] + 1
	at := f.start.Add(time.Duration(n) * time.Millisecond)
	event, err := proto.Marshal(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(rules.AlertEvent{Alert: fmt.Sprint("a", n), Rule: "R", Subject: "gas-1",
		Severity: rules.SeverityC, State: rules.Firing, Since: at, At: at})}})
	if err != nil {
		f.t.Error(err)
	}
	readings, err := f.enc.Encode([]device.Reading{{Device: "gas-1", Point: "level", Value: float64(n), Quality: device.Good, Time: at}})
	if err != nil {
		f.t.Error(err)
	}
	for s, r := range map[int]*wire.Record{1: {Type: wire.TypeEvent, Payload: event}, 2: {Type: wire.TypeReadings, Payload: readings}} {
		r.WallMs, r.Crc = at.UnixMilli(), wire.Checksum(r.GetPayload())
		p.sent[s]++
		p.kept[s] = append(p.kept[s], r)
	}
}

// send says hello if the cloud never answered, else sends everything that is not acknowledged.
func (f *fleet) send(p *post, hello bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	publish := func(leaf string, m proto.Message) {
		b, err := proto.Marshal(m)
		if err != nil {
			f.t.Error(err)
		}
		f.client.Publish(wire.Topic(p.id, leaf), 1, false, b)
	}
	if hello {
		publish(wire.UpHello, &wire.Hello{Gateway: p.id, Session: 7, Version: "v", Boot: 1, Streams: []*wire.StreamState{
			{Stream: 1, Epoch: 11, Oldest: 1, Next: p.sent[1] + 1}, {Stream: 2, Epoch: 12, Oldest: 1, Next: p.sent[2] + 1}}})
	}
	for s := uint32(1); s <= 2; s++ {
		if kept := p.kept[s]; len(kept) > 0 {
			publish(wire.UpLeaf(s), &wire.Batch{Session: 7, Stream: s, Epoch: uint64(10 + s), First: p.acked[s] + 1, Records: kept[:min(len(kept), 50)]})
		}
	}
}

// run makes and sends until ctx ends, then only sends; the gateways take turns. A gateway begins with a hello.
func (f *fleet) run(ctx, all context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for round := 0; all.Err() == nil; round++ {
		turn := 0
		for _, p := range f.order {
			if turn++; turn%turns != round%turns {
				continue
			}
			met := p.met()
			if ctx.Err() == nil && met {
				f.add(p)
			}
			f.send(p, !met && round/turns%5 == 0)
		}
		select {
		case <-all.Done():
		case <-tick.C:
		}
	}
}

const turns = 20 // of 100 ms: every gateway sends every two seconds

func (p *post) met() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

// everybody answers whether every gateway got an acknowledgement of what it has sent since.
func (f *fleet) everybody() func() bool {
	goal := map[string]uint64{}
	for id, p := range f.posts {
		p.mu.Lock()
		goal[id] = p.sent[1] + 1
		p.mu.Unlock()
	}
	return func() bool {
		for id, p := range f.posts {
			p.mu.Lock()
			ok := p.acked[1] >= goal[id] && p.acked[2] >= goal[id]
			p.mu.Unlock()
			if !ok {
				return false
			}
		}
		return true
	}
}

// number asks the database.
func (n *town) number(query string) int {
	n.t.Helper()
	var got int
	if err := n.db.QueryRowContext(n.t.Context(), query).Scan(&got); err != nil {
		n.t.Fatalf("%s: %v", query, err)
	}
	return got
}

// samples counts what the series store has.
func (n *town) samples() int {
	n.t.Helper()
	resp, err := http.Get("http://" + n.victoria + `/api/v1/export?match[]={__name__="linshao_value",device="gas-1"}`)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	total := 0
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var row struct {
			Times []int64 `json:"timestamps"`
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			n.t.Fatal(err)
		}
		slices.Sort(row.Times) // a round of the drain that a death cut short is written again: the same values at the same times
		total += len(slices.Compact(row.Times))
	}
	return total
}

// Two clouds, then one of them killed, then three of which one is stopped like a laptop that is closed and goes on much
// later: the gateways of whoever is gone are the others' within 30 seconds, nothing is lost and nothing is applied twice.
func TestWorkersTakeOver(t *testing.T) {
	n := newTown(t)
	reader, ok := n.place.Open(t).Reader().(*sql.DB)
	if !ok {
		t.Fatal("the reader is no pool")
	}
	n.db = reader
	f := newFleet(t, n.mqtt, 20)
	a := n.cloud()
	within(t, 30*time.Second, "one cloud has all shards", func() bool {
		return n.number(`SELECT count(*) FROM leases WHERE worker <> '' AND length(name) = 2`) == 256
	})
	making, stopMaking := context.WithCancel(t.Context())
	all, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { f.run(making, all) })
	defer wg.Wait()
	defer stop()

	within(t, 2*time.Minute, "one cloud answers", f.everybody())
	b := n.cloud()
	share := func(workers, least int) func() bool {
		return func() bool {
			return n.number(`SELECT count(*) FROM (SELECT worker FROM leases WHERE worker <> '' AND length(name) = 2 GROUP BY worker HAVING count(*) >= `+fmt.Sprint(least)+`) w`) == workers
		}
	}
	took := within(t, 30*time.Second, "two clouds share", share(2, 128))
	t.Logf("two clouds share after %v", took)
	within(t, 2*time.Minute, "both answer", f.everybody())

	_ = a.Process.Kill()
	everybody := f.everybody()
	took = within(t, 30*time.Second, "the other one has all shards after a kill -9", share(1, 256))
	t.Logf("after kill -9 all shards are the other one's within %v, and", took)
	took = within(t, 2*time.Minute, "the other one answers all after a kill -9", everybody)
	t.Logf("%v later everything is acknowledged that was sent until the kill", took)

	c, d := n.cloud(), n.cloud()
	within(t, 30*time.Second, "three clouds share", share(3, 84))
	within(t, 2*time.Minute, "all three answer", f.everybody())
	_ = c.Process.Signal(syscall.SIGSTOP)
	everybody = f.everybody()
	took = within(t, 30*time.Second, "the others have all shards after a SIGSTOP", share(2, 128))
	t.Logf("after SIGSTOP all shards are the others' within %v, and", took)
	took = within(t, 2*time.Minute, "the others answer all after a SIGSTOP", everybody)
	t.Logf("%v later everything is acknowledged that was sent until then", took)
	_ = c.Process.Signal(syscall.SIGCONT)
	took = within(t, 30*time.Second, "the stopped one has a share again", share(3, 84))
	t.Logf("after SIGCONT it has a share again within %v", took)
	_ = d.Process.Signal(syscall.SIGTERM)
	if err := d.Wait(); err != nil {
		t.Error("stop:", err)
	}
	took = within(t, 2*time.Minute, "the others answer all after a stop", f.everybody())
	t.Logf("after SIGTERM all gateways are answered within %v", took)

	stopMaking()
	sent, longest := 0, time.Duration(0)
	within(t, 90*time.Second, "everything is acknowledged", func() bool {
		sent = 0
		for _, p := range f.posts {
			p.mu.Lock()
			left := len(p.kept[1]) + len(p.kept[2])
			sent += int(p.sent[1])
			p.mu.Unlock()
			if left > 0 {
				return false
			}
		}
		return true
	})
	stop()
	within(t, 60*time.Second, "everything is in the series store", func() bool { return n.number(`SELECT count(*) FROM inbox`) == 0 && n.samples() >= sent })
	for query, want := range map[string]int{
		`SELECT count(*) FROM events`:                                              sent,
		`SELECT count(*) FROM incidents`:                                           sent,
		`SELECT count(*) FROM incident_alerts`:                                     sent,
		`SELECT count(*) FROM timeline WHERE kind = 'fired'`:                       sent,
		`SELECT value FROM counters`:                                               sent,
		`SELECT count(*) FROM gaps`:                                                0,
		`SELECT count(*) FROM parked_records`:                                      0,
		`SELECT count(*) FROM journal`:                                             0,
		`SELECT CAST(sum(cum) AS BIGINT) FROM cursors`:                             2 * sent,
		`SELECT count(*) FROM leases WHERE worker NOT IN (SELECT id FROM workers)`: 0,
	} {
		if got := n.number(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	if got := n.samples(); got != sent {
		t.Errorf("%d readings in the series store, want %d", got, sent)
	}
	t.Logf("%d transactions, %d rolled back", n.number(`SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()`),
		n.number(`SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()`))
	for _, p := range f.order {
		p.mu.Lock()
		longest = max(longest, p.gap)
		p.mu.Unlock()
	}
	t.Logf("no gateway waited longer than %v until everything was acknowledged", longest)
	t.Logf("%d events and as many readings of %d gateways", sent, len(f.posts))
	_ = b
}
