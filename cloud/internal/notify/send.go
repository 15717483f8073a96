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

// hook is the body of a webhook.
type hook struct {
	Event    string            `json:"event"` // the same in every attempt
	Kind     string            `json:"kind"`
	At       int64             `json:"at"`
	Link     string            `json:"link,omitempty"`
	Incident incident.Incident `json:"incident"`
}

func (s *sender) webhook(ctx context.Context, n notice, in incident.Incident) (answer, error) {
	body, err := json.Marshal(hook{n.event(s.receiver.ID), n.kind, n.created, s.service.cfg.Links.To(in.ID, s.receiver.ID), in})
	if err != nil {
		return answer{}, fmt.Errorf("encode webhook: %w", err)
	}
	ts, nonce := strconv.FormatInt(s.service.cfg.Now().UnixMilli(), 10), rand.Text()
	header := http.Header{"X-Timestamp": {ts}, "X-Nonce": {nonce}, "X-Signature": {Sign(s.receiver.Secret, ts, nonce, body)}, "Idempotency-Key": {n.event(s.receiver.ID)}}
	status, text, wait := s.post(ctx, body, header)
	a := answer{text: text, wait: wait}
	switch {
	case status >= 200 && status < 300:
		a.ok = true
	case status == 0 || status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly:
	default: // a redirect too: it is not followed, so the address in the file is wrong
		a.never = true
	}
	return a, nil
}

type wecomMessage struct {
	Type     string        `json:"msgtype"`
	Markdown wecomMarkdown `json:"markdown"`
}

type wecomMarkdown struct {
	Content string `json:"content"`
}

// Answers of a robot that a later attempt may change: busy, and too many messages.
const (
	wecomBusy      = -1
	wecomThrottled = 45009
	wecomRest      = 65 * time.Second
)

func (s *sender) wecom(ctx context.Context, text string) (answer, error) {
	body, err := json.Marshal(wecomMessage{"markdown", wecomMarkdown{text}})
	if err != nil {
		return answer{}, fmt.Errorf("encode message: %w", err)
	}
	status, said, wait := s.post(ctx, body, http.Header{})
	a := answer{text: said, wait: wait}
	var reply struct {
		Code *int `json:"errcode"`
	}
	if status != http.StatusOK || json.Unmarshal([]byte(said), &reply) != nil || reply.Code == nil {
		a.never = status >= 300 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
		return a, nil
	}
	switch *reply.Code {
	case 0:
		a.ok = true
	case wecomBusy:
	case wecomThrottled:
		a.wait = wecomRest
	default:
		a.never = true
	}
	return a, nil
}

// post answers the status (0 without an answer), the answer's text and the rest that the receiver asks for.
func (s *sender) post(ctx context.Context, body []byte, header http.Header) (status int, text string, wait time.Duration) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.receiver.URL, bytes.NewReader(body))
	if err != nil {
		return http.StatusBadRequest, "the receiver's address is not a URL", 0
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
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
