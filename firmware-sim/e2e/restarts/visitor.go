package restarts

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// What a person did before the first restart must stay: he is logged in, holds an output, and sees what a scan has found.
const (
	heldMeter   = "m01"
	lockedMeter = "m02" // cut by the rule of severity A
)

// A visitor is a person at the gateway's own pages.
type visitor struct {
	http.Client
	base string
}

// enter logs in, holds an output and scans the serial line.
func (p *proof) enter(ctx context.Context) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make cookie jar: %w", err)
	}
	v := &visitor{http.Client{Jar: jar, Timeout: 20 * time.Second}, "http://" + p.status}
	code, err := os.ReadFile(filepath.Join(p.Dir, "data", "claim.code"))
	if err != nil {
		return nil, fmt.Errorf("read claim code: %w", err)
	}
	if _, err := v.send(ctx, "/login", url.Values{"code": {string(code)}, "to": {"/"}}); err != nil {
		return nil, err
	}
	if err := process.Until(ctx, 10*time.Second, func() error {
		_, err := v.send(ctx, "/outputs/move", url.Values{"device": {heldMeter}, "point": {"relay"}, "value": {"0"}, "for": {"1h"}})
		return err
	}); err != nil {
		return nil, err
	}
	if _, err := v.send(ctx, "/commission/scan", url.Values{"bus": {"rs485"}, "addresses": {"3"}, "settings": {"own"}}); err != nil {
		return nil, err
	}
	err = process.Until(ctx, 20*time.Second, func() error {
		page, err := v.get(ctx, "/commission/scan?bus=rs485")
		if err == nil && (!strings.Contains(page, foundMark) || strings.Contains(page, `http-equiv="refresh"`)) {
			err = fmt.Errorf("the scan has not found unit 3:\n%s", page)
		}
		return err
	})
	return v, err
}

// foundMark stands on the page of a scan that has found the third meter.
const foundMark = "address=3"

// remembered checks that all of it is there.
func (p *proof) remembered(ctx context.Context, v *visitor, locked bool) error {
	page, err := v.get(ctx, "/commission/scan?bus=rs485")
	if err != nil {
		return err
	}
	if !strings.Contains(page, foundMark) {
		p.result.wrong(&p.result.Forgot, "restart %d: the session, or the found meter", p.result.Runs)
	}
	var outputs strings.Builder
	for from := 0; from <= meters; from += 10 {
		page, err := v.get(ctx, fmt.Sprintf("/outputs?from=%d", from))
		if err != nil {
			return err
		}
		outputs.WriteString(page)
	}
	if !strings.Contains(outputs.String(), "Release the hold") {
		p.result.wrong(&p.result.Forgot, "restart %d: the hold of %s", p.result.Runs, heldMeter)
	}
	if locked && !strings.Contains(outputs.String(), "Locked out after a safety action") {
		p.result.wrong(&p.result.Forgot, "restart %d: the lock-out of %s", p.result.Runs, lockedMeter)
	}
	return nil
}

func (v *visitor) send(ctx context.Context, path string, form url.Values) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", path, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.ask(r)
}

// get asks for a page; while the gateway changes over nobody answers, and the person tries again.
func (v *visitor) get(ctx context.Context, path string) (page string, err error) {
	err = process.Until(ctx, 10*time.Second, func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+path, nil)
		if err == nil {
			page, err = v.ask(r)
		}
		return err
	})
	return page, err
}

func (v *visitor) ask(r *http.Request) (string, error) {
	r.Header.Set("Accept-Language", "en")
	res, err := v.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", r.Method, r.URL.Path, res.Status, body)
	}
	return string(body), err
}
