package status_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/login"
	"github.com/linshao/linshao/gateway/internal/status"
)

const claimCode = "7K20-Q91X-D04R"

// browser keeps cookies and does not follow.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func ask(t *testing.T, c *http.Client, r *http.Request) (code int, to string) {
	t.Helper()
	answer, err := c.Do(r.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode, answer.Header.Get("Location")
}

func get(addr, path string) *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "http://"+addr+path, nil)
	return r
}

func enter(addr, code, to string) *http.Request {
	r, _ := http.NewRequest(http.MethodPost, "http://"+addr+"/login", strings.NewReader(url.Values{"code": {code}, "to": {to}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestTheClaimCodeOpensCommissioning(t *testing.T) {
	p := start(t, func(c *status.Config) { c.Door = login.NewDoor(claimCode) })
	b := browser(t)
	if code, _ := ask(t, b, get(p.addr, "/")); code != 200 {
		t.Errorf("the page on this machine: %d", code)
	}
	if code, to := ask(t, b, get(p.addr, "/commission/scan?bus=rs485-1")); code != 303 || to != "/login?to=%2Fcommission%2Fscan%3Fbus%3Drs485-1" {
		t.Errorf("commissioning without log-in: %d %s", code, to)
	}
	if code, _ := ask(t, b, get(p.addr, "/login?to=/commission")); code != 200 {
		t.Errorf("log-in page: %d", code)
	}
	if code, _ := ask(t, b, enter(p.addr, "0000-0000-0000", "/")); code != 403 {
		t.Errorf("a wrong code: %d", code)
	}
	if code, to := ask(t, b, enter(p.addr, "7k2o q9lx d04r", "/commission")); code != 303 || to != "/commission" {
		t.Errorf("the right code: %d %s", code, to)
	}
	if code, _ := ask(t, b, get(p.addr, "/commission/nothing")); code != 404 {
		t.Errorf("logged in: %d", code)
	}
	leave := get(p.addr, "/logout")
	leave.Method = http.MethodPost
	if code, _ := ask(t, b, leave); code != 303 {
		t.Errorf("log out: %d", code)
	}
	if code, _ := ask(t, b, get(p.addr, "/commission/nothing")); code != 303 {
		t.Errorf("after the log-out: %d", code)
	}
}

func TestBeyondLoopbackNothingIsOpen(t *testing.T) {
	p := start(t, func(c *status.Config) { c.Door, c.Listen = login.NewDoor(claimCode), "0.0.0.0:0" })
	addr := "127.0.0.1" + p.addr[strings.LastIndexByte(p.addr, ':'):]
	b := browser(t)
	for _, path := range []string{"/", "/outputs", "/metrics", "/healthz", "/api/rules/why", "/commission"} {
		if code, to := ask(t, b, get(addr, path)); code != 303 || !strings.HasPrefix(to, "/login?to=") {
			t.Errorf("%s: %d %s", path, code, to)
		}
	}
	reset := get(addr, "/reset?alert=a")
	reset.Method = http.MethodPost
	if code, _ := ask(t, b, reset); code != 403 || len(p.resets) != 0 {
		t.Errorf("reset: %d, %v", code, p.resets)
	}
	foreign := enter(addr, claimCode, "/")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	if code, _ := ask(t, b, foreign); code != 403 {
		t.Errorf("log in from another page: %d", code)
	}
	for _, to := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, ""} {
		if code, at := ask(t, b, enter(addr, claimCode, to)); code != 303 || at != "/" {
			t.Errorf("to %q: %d %s", to, code, at)
		}
	}
	if code, _ := ask(t, b, get(addr, "/metrics")); code != 200 {
		t.Errorf("logged in: %d", code)
	}
}

func TestWithoutCodeAndPasswordNobodyGetsIn(t *testing.T) {
	p := start(t, func(c *status.Config) { c.Listen = "0.0.0.0:0" })
	addr := "127.0.0.1" + p.addr[strings.LastIndexByte(p.addr, ':'):]
	if code, _ := ask(t, browser(t), get(addr, "/")); code != 403 {
		t.Error(code)
	}
}

func TestGuessingTheCodeIsAnswered429(t *testing.T) {
	p := start(t, func(c *status.Config) { c.Door = login.NewDoor(claimCode) })
	b := browser(t)
	for range 6 {
		ask(t, b, enter(p.addr, "0000-0000-0000", "/"))
	}
	if code, _ := ask(t, b, enter(p.addr, claimCode, "/")); code != 429 {
		t.Error(code)
	}
}

// TestAFormWithManyPointsIsTaken: what a display shows is typed for each point of a station, and names are long in a form's code.
func TestAFormWithManyPointsIsTaken(t *testing.T) {
	taken := 0
	p := start(t, func(c *status.Config) {
		c.Door = login.NewDoor(claimCode)
		c.Commission = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _ = r.ParseForm(); taken = len(r.PostForm) })
	})
	b := browser(t)
	ask(t, b, enter(p.addr, claimCode, "/"))
	form := url.Values{}
	for i := range 200 {
		form.Set(fmt.Sprintf("shows.energy_of_port_%d", i), "12.5")
	}
	r, _ := http.NewRequest(http.MethodPost, "http://"+p.addr+"/commission/try", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if code, _ := ask(t, b, r); code != 200 || taken != 200 {
		t.Errorf("%d, %d points", code, taken)
	}
}
