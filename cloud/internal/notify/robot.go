package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SignDingTalk is the signature of a DingTalk robot: base64(HMAC-SHA256(secret, timestamp \n secret)), timestamp in ms.
func SignDingTalk(secret []byte, timestamp string) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(timestamp + "\n" + string(secret)))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// SignFeishu is the signature of a Feishu robot: base64(HMAC-SHA256(timestamp \n secret, "")), timestamp in seconds.
func SignFeishu(secret []byte, timestamp string) string {
	h := hmac.New(sha256.New, []byte(timestamp+"\n"+string(secret)))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

type wecomMessage struct {
	Type     string        `json:"msgtype"`
	Markdown wecomMarkdown `json:"markdown"`
}

// wecomText is what can call people by phone number; markdown cannot.
type wecomText struct {
	Type string       `json:"msgtype"`
	Text wecomContent `json:"text"`
}

type wecomContent struct {
	Content string   `json:"content"`
	Mobiles []string `json:"mentioned_mobile_list"`
}

type wecomMarkdown struct {
	Content string `json:"content"`
}

type dingTalkMessage struct {
	Type     string           `json:"msgtype"`
	Markdown dingTalkMarkdown `json:"markdown"`
	At       *dingTalkAt      `json:"at,omitempty"`
}

type dingTalkAt struct {
	Mobiles []string `json:"atMobiles"`
}

type dingTalkMarkdown struct {
	Title string `json:"title"` // what the list of chats shows
	Text  string `json:"text"`
}

type feishuMessage struct {
	Timestamp string     `json:"timestamp,omitempty"`
	Sign      string     `json:"sign,omitempty"`
	Type      string     `json:"msg_type"`
	Content   feishuText `json:"content"`
}

type feishuText struct {
	Text string `json:"text"`
}

// robot sends one message to a group robot.
func (s *sender) robot(ctx context.Context, m message) (answer, error) {
	r, now, address := s.receiver, s.service.cfg.Now(), s.receiver.URL
	var content any
	switch r.Kind {
	case DingTalk:
		d := dingTalkMessage{Type: "markdown", Markdown: dingTalkMarkdown{m.title, m.text}}
		if mobiles := mobilesOf(m.people); len(mobiles) > 0 {
			d.At = &dingTalkAt{mobiles}
			d.Markdown.Text += "\n\n@" + strings.Join(mobiles, " @") // without it, DingTalk calls nobody; it shows the names
		}
		content = d
		if len(r.Secret) > 0 {
			u, err := url.Parse(address)
			if err != nil {
				return answer{never: true, text: "the receiver's address is not a URL"}, nil
			}
			q, ts := u.Query(), strconv.FormatInt(now.UnixMilli(), 10)
			q.Set("timestamp", ts)
			q.Set("sign", SignDingTalk(r.Secret, ts))
			u.RawQuery = q.Encode()
			address = u.String()
		}
	case Feishu:
		f := feishuMessage{Type: "text", Content: feishuText{m.text}}
		if len(r.Secret) > 0 {
			f.Timestamp = strconv.FormatInt(now.Unix(), 10)
			f.Sign = SignFeishu(r.Secret, f.Timestamp)
		}
		content = f
	default:
		content = wecomMessage{"markdown", wecomMarkdown{m.text}}
		if mobiles := mobilesOf(m.people); len(mobiles) > 0 {
			content = wecomText{"text", wecomContent{m.text, mobiles}}
		}
	}
	body, err := json.Marshal(content)
	if err != nil {
		return answer{}, fmt.Errorf("encode message: %w", err)
	}
	// No robot of today looks at the key; a relay in front of one can.
	status, said, wait := s.post(ctx, http.MethodPost, address, body, http.Header{"Content-Type": {jsonType}, "Idempotency-Key": {m.event}})
	a := judge(r.Kind, status, said)
	a.wait, a.text = max(a.wait, wait), said
	return a, nil
}

// mostCalled keeps a group's message readable.
const mostCalled = 10

func isMobile(phone string) bool {
	return len(phone) == 11 && phone[0] == '1' && strings.Trim(phone, "0123456789") == ""
}

// mobilesOf are the mobile phones among people's numbers: no robot can call another number.
func mobilesOf(people []Person) []string {
	var list []string
	for _, p := range people {
		if isMobile(p.Phone) && !slices.Contains(list, p.Phone) && len(list) < mostCalled {
			list = append(list, p.Phone)
		}
	}
	return list
}

// How long a robot rests that was asked too much. DingTalk blocks for ten minutes.
const (
	robotRest    = 65 * time.Second
	dingTalkRest = 10*time.Minute + 5*time.Second
)

// judge reads a robot's answer. What counts is the code inside, whatever the HTTP status: a refusal comes with 200, and
// Feishu's limit with 400.
func judge(kind string, status int, said string) answer {
	var reply struct {
		WeCom  *int   `json:"errcode"` // DingTalk's too
		Feishu *int   `json:"code"`
		Old    *int   `json:"StatusCode"` // of Feishu
		Words  string `json:"msg"`
	}
	err := json.Unmarshal([]byte(said), &reply)
	code := reply.WeCom
	if kind == Feishu {
		code = reply.Feishu
		if code == nil {
			code = reply.Old
		}
	}
	if err != nil || code == nil || (*code == 0 && status/100 != 2) { // a proxy's page, or the provider's failure
		return answer{never: status >= 300 && !temporary(status)}
	}
	switch c := *code; {
	case c == 0:
		return answer{ok: true}
	case c == -1: // busy
		return answer{}
	case kind == WeCom && (c == 45009 || c == 45033):
		return answer{wait: robotRest, rest: true}
	case kind == DingTalk && (c == 130101 || c == 410100):
		return answer{wait: dingTalkRest, rest: true}
	case kind == Feishu && (c == 11232 || (c == 9499 && strings.Contains(strings.ToLower(reply.Words), "too many"))):
		return answer{wait: robotRest, rest: true}
	}
	return answer{never: !temporary(status)}
}

// temporary says whether a later attempt may be answered otherwise; 0 is no answer at all.
func temporary(status int) bool {
	return status == 0 || status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly
}
