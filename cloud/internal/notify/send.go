package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// maxAnswer bounds what is read and kept of a receiver's answer, in bytes.
const maxAnswer = 2048

// Sign is the signature of a webhook: hex(HMAC-SHA256(secret, timestamp \n nonce \n body)).
func Sign(secret []byte, timestamp, nonce string, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(timestamp + "\n" + nonce + "\n"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// hook is the body of a webhook without a form of its own.
type hook struct {
	Event    string             `json:"event"` // the same in every attempt
	Kind     string             `json:"kind"`  // of the change; test without an incident
	At       int64              `json:"at"`
	Link     string             `json:"link,omitempty"`
	Incident *incident.Incident `json:"incident,omitempty"`
}

const jsonType = "application/json; charset=utf-8"

// webhook sends our JSON.
func (s *sender) webhook(ctx context.Context, h hook) (answer, error) {
	body, err := json.Marshal(h)
	if err != nil {
		return answer{}, fmt.Errorf("encode webhook: %w", err)
	}
	header := http.Header{"Content-Type": {jsonType}}
	s.sign(header, h.Event, body)
	status, said, wait := s.post(ctx, http.MethodPost, s.receiver.URL, body, header)
	ok := status >= 200 && status < 300
	return answer{ok: ok, never: !ok && !temporary(status), text: said, wait: wait}, nil // a redirect too: it is not followed
}

// form sends what the receiver's templates make.
func (s *sender) form(ctx context.Context, v View) answer {
	h := s.receiver.Hook
	header, body, err := h.write(v, s.receiver.Secret)
	if err != nil {
		return answer{never: true, text: err.Error()}
	}
	if len(s.receiver.Secret) > 0 {
		s.sign(header, v.Event, body)
	}
	status, said, wait := s.post(ctx, h.method, s.receiver.URL, body, header)
	a := h.judge(status, said)
	a.text, a.wait = said, wait
	return a
}

func (s *sender) sign(header http.Header, event string, body []byte) {
	ts, nonce := strconv.FormatInt(s.service.cfg.Now().UnixMilli(), 10), rand.Text()
	header.Set("X-Timestamp", ts)
	header.Set("X-Nonce", nonce)
	header.Set("X-Signature", Sign(s.receiver.Secret, ts, nonce, body))
	header.Set("Idempotency-Key", event)
}

// post answers the status (0 without an answer), the answer's text and the rest that the receiver asks for.
func (s *sender) post(ctx context.Context, method, address string, body []byte, header http.Header) (status int, text string, wait time.Duration) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return http.StatusBadRequest, "the receiver's address is not a URL", 0
	}
	req.Header = header
	resp, err := s.client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) { // without the URL: it holds the robot's key
			err = ue.Err
		}
		return 0, err.Error(), 0
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, err.Error(), 0
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		wait = min(time.Duration(seconds)*time.Second, time.Hour)
	}
	return resp.StatusCode, string(said), wait
}
