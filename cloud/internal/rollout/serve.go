package rollout

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

const (
	tokenLife = 3 * time.Hour
	piece     = 32 << 10 // bytes between two pauses
	readMost  = 16       // gateways that read at once
	stall     = 2 * time.Minute
)

// token lets one gateway read files for a while.
func (s *Service) token(gateway string, until time.Time) string {
	text := gateway + "." + strconv.FormatInt(until.Unix(), 10)
	return base64.RawURLEncoding.EncodeToString([]byte(text)) + "." + s.mac(text)
}

func (s *Service) mac(text string) string {
	h := hmac.New(sha256.New, s.cfg.Secret)
	h.Write([]byte("linshao artifact 1\n" + text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// bearer answers the gateway of a token; empty when it is none, or over, or the gateway's certificates have ended.
func (s *Service) bearer(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	body, mac, whole := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(body)
	if !ok || !whole || err != nil || !hmac.Equal([]byte(mac), []byte(s.mac(string(text)))) {
		return ""
	}
	i := strings.LastIndexByte(string(text), '.')
	until, err := strconv.ParseInt(string(text[i+1:]), 10, 64)
	if i < 0 || err != nil || s.cfg.Now().Unix() > until || s.cfg.Barred != nil && s.cfg.Barred(string(text[:i])) {
		return ""
	}
	return string(text[:i])
}

var digest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ServeHTTP hands a file out to a gateway with a token, a piece at a time, from any byte on: the file of the version that is rolled
// out, and only when the gateway's ring has come.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	gateway := s.bearer(r)
	sum := strings.TrimPrefix(r.URL.Path, wire.ArtifactsPath)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET", http.StatusMethodNotAllowed)
		return
	case gateway == "":
		http.Error(w, "a gateway's token is needed", http.StatusUnauthorized)
		return
	case !digest.MatchString(sum):
		http.NotFound(w, r)
		return
	}
	may, err := s.may(r.Context(), gateway, sum)
	switch {
	case err != nil:
		s.cfg.Log.Error("a file cannot be handed out", "gateway", gateway, "err", err)
		http.Error(w, "not at this moment", http.StatusServiceUnavailable)
		return
	case !may:
		http.NotFound(w, r) // whether there is such a file is nobody else's business
		return
	case !s.enter(gateway):
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many read at once", http.StatusTooManyRequests)
		return
	}
	defer s.leave(gateway)
	f, err := os.Open(s.file(sum))
	if err != nil {
		s.cfg.Log.Error("a file that was published is not there", "gateway", gateway, "err", err)
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	line := http.NewResponseController(w)
	defer line.SetWriteDeadline(time.Time{}) //nolint:errcheck // as below
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, &slow{ReadSeeker: f, done: r.Context().Done(), line: line, pause: time.Duration(piece) * time.Second / time.Duration(s.cfg.Rate)})
}

// may says whether a file is of the version that a gateway is to run now.
func (s *Service) may(ctx context.Context, gateway, sum string) (bool, error) {
	o, err := newest(ctx, s.cfg.DB.Reader())
	if err != nil || o.ID == 0 || o.Stopped {
		return false, err
	}
	var n int
	if err := s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT count(*) FROM rollout_gateways r JOIN gateways g ON g.id = r.gateway JOIN artifacts f ON f.version = ?
		WHERE r.rollout = ? AND r.gateway = ? AND r.ring <= ? AND g.retired = 0 AND f.sha256 = ?`, o.Version, o.ID, gateway, o.Ring, sum).Scan(&n); err != nil {
		return false, fmt.Errorf("look for the ring of %s: %w", gateway, err)
	}
	return n > 0, nil
}

// enter lets a gateway read, if it does not yet and there is room.
func (s *Service) enter(gateway string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading[gateway] || len(s.reading) >= readMost {
		return false
	}
	s.reading[gateway] = true
	return true
}

func (s *Service) leave(gateway string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reading, gateway)
}

// slow reads a piece at a time, with a pause after each. A reader that takes nothing for a while is left.
type slow struct {
	io.ReadSeeker
	done  <-chan struct{}
	line  *http.ResponseController
	pause time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	_ = s.line.SetWriteDeadline(time.Now().Add(stall)) // a test's recorder has none
	n, err := s.ReadSeeker.Read(p[:min(len(p), piece)])
	if err != nil {
		return n, err
	}
	wait := time.NewTimer(s.pause * time.Duration(n) / piece)
	defer wait.Stop()
	select {
	case <-s.done:
		return n, io.ErrUnexpectedEOF
	case <-wait.C:
		return n, nil
	}
}
