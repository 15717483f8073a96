package escalation

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A message is one that a receiver has taken: the first with its key.
type message struct {
	at        time.Time
	incidents []string // that it names
}

// receivers are three robots, a gateway of text messages, one of calls, and another system, each as its provider has it.
// A provider that knows keys takes each once; what comes again is answered as well, and changes nothing.
type receivers struct {
	server   *http.Server
	listener net.Listener
	served   chan struct{}

	mu       sync.Mutex
	random   *rand.Rand
	number   *regexp.Regexp                // of incidents
	taken    map[string]map[string]message // receiver → key
	requests map[string][]time.Time        // signed ones of each, in their order
	repeated int
	cut      int
	unsigned int
	flooded  int
}

func listen(seed uint64) (*receivers, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen as receivers: %w", err)
	}
	r := &receivers{listener: l, served: make(chan struct{}), random: rand.New(rand.NewPCG(seed, 7)), number: regexp.MustCompile(`GJ-\d{8}-\d{4}`), taken: map[string]map[string]message{}, requests: map[string][]time.Time{}}
	r.server = &http.Server{Handler: http.HandlerFunc(r.answer), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(r.served)
		_ = r.server.Serve(l) // it ends when it is closed
	}()
	return r, nil
}

func (r *receivers) address() string { return r.listener.Addr().String() }

func (r *receivers) close() {
	_ = r.server.Close()
	<-r.served
}

// limit of a robot: so many requests in a time.
type limit struct {
	n   int
	per time.Duration
}

func limitsOf(receiver string) []limit {
	switch receiver {
	case "wecom", "dingtalk":
		return []limit{{20, time.Minute}}
	case "feishu":
		return []limit{{100, time.Minute}, {5, time.Second}}
	}
	return nil
}

func (r *receivers) answer(w http.ResponseWriter, req *http.Request) {
	receiver, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the cloud was killed before it had said all
	}
	before, after, busy := r.dice(receiver)
	time.Sleep(before)
	if req.Context().Err() != nil {
		r.count(&r.cut)
		return
	}
	switch {
	case !signed(receiver, req, body):
		r.count(&r.unsigned)
		refuse(w, receiver)
		return
	case r.flood(receiver):
		r.count(&r.flooded)
		refuse(w, receiver)
		return
	case busy:
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	r.take(receiver, req.Header.Get("Idempotency-Key"), string(body))
	time.Sleep(after)
	if req.Context().Err() != nil {
		r.count(&r.cut)
	}
	io.WriteString(w, `{"errcode":0,"code":0,"errmsg":"ok"}`) //nolint:errcheck // a dead cloud does not need it
}

// dice say how long a receiver thinks before and after it takes a message, and whether it is too busy to. Who must reach
// people in time is always there.
func (r *receivers) dice(receiver string) (before, after time.Duration, busy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ms := func(n int) time.Duration { return time.Duration(r.random.IntN(n)) * time.Millisecond }
	return ms(30), ms(60), receiver != "sms" && receiver != "voice" && r.random.IntN(20) == 0
}

func (r *receivers) count(n *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
}

func (r *receivers) take(receiver, key, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[receiver] == nil {
		r.taken[receiver] = map[string]message{}
	}
	if _, known := r.taken[receiver][key]; known {
		r.repeated++
		return
	}
	numbers := r.number.FindAllString(body, -1)
	slices.Sort(numbers)
	r.taken[receiver][key] = message{time.Now(), slices.Compact(numbers)}
}

// flood counts a request and says whether it is one too many.
func (r *receivers) flood(receiver string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	list := append(r.requests[receiver], now)
	r.requests[receiver] = list
	for _, l := range limitsOf(receiver) {
		if len(list) > l.n && now.Sub(list[len(list)-1-l.n]) < l.per {
			return true
		}
	}
	return false
}

// most is the largest number of requests to a receiver within a minute.
func (r *receivers) most(receiver string) (most int) {
	list := r.requests[receiver]
	for i, first := 0, 0; i < len(list); i++ {
		for list[i].Sub(list[first]) >= time.Minute {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func refuse(w http.ResponseWriter, receiver string) {
	if receiver == "feishu" {
		io.WriteString(w, `{"code":19021,"msg":"sign match fail"}`) //nolint:errcheck // as above
		return
	}
	io.WriteString(w, `{"errcode":310000,"errmsg":"sign not match or too fast"}`) //nolint:errcheck // as above
}

// signed checks a request as the provider says (domain facts of each robot), by code of our own.
func signed(receiver string, req *http.Request, body []byte) bool {
	mac := func(key, text string) []byte {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	near := func(text string, unit time.Duration) bool {
		n, err := strconv.ParseInt(text, 10, 64)
		return err == nil && time.Since(time.Unix(0, 0).Add(time.Duration(n)*unit)).Abs() < time.Hour
	}
	q := req.URL.Query()
	switch receiver {
	case "wecom":
		return q.Get("key") == "robot"
	case "dingtalk":
		ts := q.Get("timestamp")
		return q.Get("access_token") == "robot" && near(ts, time.Millisecond) && q.Get("sign") == base64.StdEncoding.EncodeToString(mac(secret, ts+"\n"+secret))
	case "feishu":
		var m struct{ Timestamp, Sign string }
		return json.Unmarshal(body, &m) == nil && near(m.Timestamp, time.Second) && m.Sign == base64.StdEncoding.EncodeToString(mac(m.Timestamp+"\n"+secret, ""))
	}
	ts, nonce := req.Header.Get("X-Timestamp"), req.Header.Get("X-Nonce")
	return near(ts, time.Millisecond) && len(nonce) >= 16 && req.Header.Get("X-Signature") == hex.EncodeToString(mac(secret, ts+"\n"+nonce+"\n"+string(body)))
}
