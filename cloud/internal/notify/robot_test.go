package notify_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/notify"
)

// The vectors were made with Python's hmac, hashlib and base64 after the providers' words (domain.md §7.1).
func TestSignatureVectors(t *testing.T) {
	secret := []byte("SEC000test")
	if got := notify.SignDingTalk(secret, "1700000000000"); got != "1hLl2KkRX3rps9FaitIUwaac+CtAFEaP345jvdrTL7c=" {
		t.Errorf("DingTalk: %s", got)
	}
	if got := notify.SignFeishu(secret, "1700000000"); got != "VJoDIs2fdNFeN6NS/KG4L8NIxm+bN/FYQRhY2lP3Mf8=" {
		t.Errorf("Feishu: %s", got)
	}
}

func TestRobotAnswers(t *testing.T) {
	for _, c := range []struct {
		kind            string
		status          int
		said            string
		ok, never, rest bool
	}{
		{notify.WeCom, 200, `{"errcode":0,"errmsg":"ok"}`, true, false, false},
		{notify.WeCom, 200, `{"errcode":-1,"errmsg":"system busy"}`, false, false, false},
		{notify.WeCom, 200, `{"errcode":45009,"errmsg":"api freq out of limit"}`, false, false, true},
		{notify.WeCom, 200, `{"errcode":93000,"errmsg":"invalid webhook url"}`, false, true, false},
		{notify.DingTalk, 200, `{"errcode":0,"errmsg":"ok"}`, true, false, false},
		{notify.DingTalk, 200, `{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`, false, false, true},
		{notify.DingTalk, 200, `{"errcode":310000,"errmsg":"sign not match"}`, false, true, false},
		{notify.Feishu, 200, `{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`, true, false, false},
		{notify.Feishu, 200, `{"StatusCode":0,"StatusMessage":"success"}`, true, false, false},
		{notify.Feishu, 400, `{"code":11232,"msg":"frequency limited"}`, false, false, true},
		{notify.Feishu, 200, `{"code":9499,"msg":"too many request"}`, false, false, true},
		{notify.Feishu, 200, `{"code":9499,"msg":"Bad Request"}`, false, true, false},
		{notify.Feishu, 200, `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}`, false, true, false},
		{notify.Feishu, 200, `{"errcode":0}`, false, false, false}, // not Feishu's words: nobody took it
		{notify.WeCom, 200, `<html>login</html>`, false, false, false},
		{notify.WeCom, 502, ``, false, false, false},
		{notify.WeCom, 502, `{"errcode":0}`, false, false, false},
		{notify.WeCom, 404, `not here`, false, true, false},
		{notify.WeCom, 0, `connection refused`, false, false, false},
	} {
		if ok, never, rest := notify.JudgeRobot(c.kind, c.status, c.said); ok != c.ok || never != c.never || rest != c.rest {
			t.Errorf("%s %d %s: ok %v never %v rest %v", c.kind, c.status, c.said, ok, never, rest)
		}
	}
}

func FuzzRobotAnswer(f *testing.F) {
	f.Add(200, `{"errcode":0,"code":1}`)
	f.Add(400, `{"code":9499,"msg":"too many"}`)
	f.Fuzz(func(t *testing.T, status int, said string) {
		for _, kind := range notify.Kinds() {
			if ok, never, _ := notify.JudgeRobot(kind, status, said); ok && (never || status/100 != 2) {
				t.Errorf("%s %d %q is taken", kind, status, said)
			}
		}
	})
}

// A DingTalk robot signs in its address, a Feishu robot in its body; each receiver checks as the provider does.
func TestDingTalkSigns(t *testing.T) {
	h := open(t, dbtest.SQLite(t), notify.DingTalk, true)
	h.fire("A", "a1")
	c := h.next()
	var m struct {
		Type     string                       `json:"msgtype"`
		Markdown struct{ Title, Text string } `json:"markdown"`
	}
	if err := json.Unmarshal([]byte(c.body), &m); err != nil || m.Type != "markdown" || !strings.Contains(m.Markdown.Title, "A级") ||
		!strings.Contains(m.Markdown.Text, "**【A级·燃气‹高›报】**") || !strings.Contains(m.Markdown.Text, "\n\n[接警 GJ-") {
		t.Errorf("%s, %v", c.body, err)
	}
	ts := c.query.Get("timestamp")
	ms, err := strconv.ParseInt(ts, 10, 64)
	if err != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Hour || c.query.Get("sign") != notify.SignDingTalk([]byte("0123456789abcdef"), ts) || c.query.Get("key") != "secret-key" {
		t.Errorf("query %v, %v", c.query, err)
	}
	h.sent(1)
}

func TestFeishuSigns(t *testing.T) {
	h := open(t, dbtest.SQLite(t), notify.Feishu, true)
	h.reply <- func(w http.ResponseWriter) { fmt.Fprint(w, `{"code":0,"msg":"success"}`) }
	h.fire("A", "a1")
	c := h.next()
	var m struct {
		Timestamp, Sign string
		Type            string                `json:"msg_type"`
		Content         struct{ Text string } `json:"content"`
	}
	if err := json.Unmarshal([]byte(c.body), &m); err != nil || m.Type != "text" || !strings.HasPrefix(m.Content.Text, "【A级·燃气‹高›报】") || !strings.Contains(m.Content.Text, ": https://linshao.example/a/GJ-") {
		t.Errorf("%s, %v", c.body, err)
	}
	if n, err := strconv.ParseInt(m.Timestamp, 10, 64); err != nil || time.Since(time.Unix(n, 0)).Abs() > time.Hour || m.Sign != notify.SignFeishu([]byte("0123456789abcdef"), m.Timestamp) {
		t.Errorf("signature %s of %s", m.Sign, m.Timestamp)
	}
	h.sent(1)
}

// When the room for ordinary messages is used up, those wait and class A does not; another process on the same database
// knows of it.
func TestClassAHasRoomOfItsOwn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.DingTalk, true)
		for range 12 {
			if r, err := h.svc.Test(t.Context(), "duty", notify.Trial{By: "张三"}); err != nil || !r.OK || r.Answer != `{"errcode":0,"errmsg":"ok"}` {
				t.Fatal(r, err)
			}
			if c := h.next(); !strings.Contains(c.body, "【测试】") || !strings.Contains(c.body, "张三") {
				t.Fatal(c.body)
			}
		}
		var wait *notify.WaitError
		if _, err := h.svc.Test(t.Context(), "duty", notify.Trial{By: "张三"}); !errors.As(err, &wait) || wait.Wait > time.Minute {
			t.Errorf("a thirteenth message in a minute: %v", err)
		}
		h.fire("B", "b1", "b2")
		h.fire("A", "a1", "a2", "a3")
		for range 3 {
			if c := h.next(); !strings.Contains(c.body, "【A级") {
				t.Errorf("got %s", c.body)
			}
		}
		h.sent(3)
		other := notify.New(notify.Config{DB: h.db, Links: h.links, Now: time.Now, Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
			Receivers: []notify.Receiver{{ID: "duty", Kind: notify.DingTalk, URL: "http://127.0.0.1:1", AllowPrivate: true}}})
		if _, err := other.Test(t.Context(), "duty", notify.Trial{By: "张三"}); !errors.As(err, &wait) {
			t.Errorf("another process: %v", err)
		}
		list, err := h.svc.Receivers(t.Context())
		if err != nil || len(list) != 1 || list[0].Waiting != 2 || !list[0].LastOK || list[0].LastAt == 0 {
			t.Errorf("%+v, %v", list, err)
		}
		if len(h.calls) != 0 {
			t.Error("an ordinary message beyond the limit")
		}
	})
}

// A robot that says that it is asked too much rests, with every message for it.
func TestThrottledRobotRests(t *testing.T) {
	light(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.DingTalk, true)
		h.reply <- func(w http.ResponseWriter) {
			io.WriteString(w, `{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`)
		}
		h.fire("A", "a1")
		if said, n := h.await("waiting"); n != 1 || !strings.Contains(said, "130101") {
			t.Errorf("%d attempts: %s", n, said)
		}
		var wait *notify.WaitError
		if _, err := h.svc.Test(t.Context(), "duty", notify.Trial{By: "张三"}); !errors.As(err, &wait) || wait.Wait < 9*time.Minute {
			t.Errorf("it does not rest: %v", err)
		}
	})
}

func TestTestShowsTheAnswerWithoutSecrets(t *testing.T) {
	light(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.WeCom, true)
		h.reply <- func(w http.ResponseWriter) {
			io.WriteString(w, `{"errcode":93000,"errmsg":"invalid key secret-key, secret 0123456789abcdef"}`)
		}
		r, err := h.svc.Test(t.Context(), "duty", notify.Trial{By: "张三"})
		if err != nil || r.OK || r.Answer != `{"errcode":93000,"errmsg":"invalid key ***, secret ***"}` {
			t.Errorf("%+v, %v", r, err)
		}
		var state, answer string
		var attempts int
		if err := h.db.Reader().QueryRowContext(t.Context(), `SELECT n.state, a.answer, n.attempts FROM notices n JOIN attempts a ON a.notice = n.id WHERE n.kind = 'test'`).Scan(&state, &answer, &attempts); err != nil || state != "refused" || answer != r.Answer || attempts != 1 {
			t.Errorf("kept %s %s %d, %v", state, answer, attempts, err)
		}
		if _, err := h.svc.Test(t.Context(), "nobody", notify.Trial{By: "张三"}); !errors.Is(err, notify.ErrUnknown) {
			t.Error(err)
		}
	})
}
