package app_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/rules"
)

// TestAnotherPlatformMovesAnIncident: of its own sites alone, as far as its people may, and signed.
func TestAnotherPlatformMovesAnIncident(t *testing.T) {
	dir, secret := dbtest.Dir(t), "a secret of the platform"
	if err := os.WriteFile(filepath.Join(dir, "city.key"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dbtest.SQLite(t), dir, false, "dock:\n  - {id: city, name: 城管平台, kind: inbound, secret_file: city.key, sites: [jinxiu]}\n  - {id: away, kind: inbound, secret_file: city.key, sites: [elsewhere]}\n")
	s.fire("R16/gas-1/1", rules.Firing)
	s.login("张三")
	var list struct{ Incidents []struct{ ID string } }
	s.eventually("the incident", func() bool { return s.ask("GET", "/incidents", "", &list) == 200 && len(list.Incidents) == 1 })
	id := list.Incidents[0].ID
	if code := s.ask("POST", "/incidents/"+id+"/take", "", nil); code != 200 {
		t.Fatal(code)
	}
	s.ask("POST", "/logout", "", nil)
	call := func(target, body string) (int, string) {
		ts, nonce := strconv.FormatInt(time.Now().UnixMilli(), 10), rand.Text()
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(ts + "\n" + nonce + "\n" + body))
		var out struct{ Step, Code string }
		code := s.ask("POST", "/dock/"+target+"/callback", body, &out, "X-Timestamp", ts, "X-Nonce", nonce, "X-Signature", hex.EncodeToString(mac.Sum(nil)))
		return code, out.Step + out.Code
	}
	for _, c := range []struct {
		target, body string
		code         int
		word         string
	}{
		{"away", `{"incident":"` + id + `","deed":"note","note":"x"}`, 404, "not_found"},
		{"city", `{"incident":"` + id + `","deed":"close","note":"x"}`, 422, "bad_request"},
		{"city", `{"incident":"` + id + `","deed":"begin","note":"x"}`, 409, "wrong_state"},
		{"city", `{"incident":"GJ-1","deed":"note","note":"x"}`, 404, "not_found"},
		{"city", `[]`, 422, "bad_request"},
		{"nobody", `{"incident":"GJ-1","deed":"note"}`, 401, "bad_signature"},
		{"city", `{"incident":"` + id + `","deed":"finish","who":"王五","note":"阀门已修好"}`, 200, "in_progress"},
	} {
		if code, word := call(c.target, c.body); code != c.code || word != c.word {
			t.Errorf("%s %s: %d %s", c.target, c.body, code, word)
		}
	}
	if code := s.ask("POST", "/dock/city/callback", `{"incident":"`+id+`","deed":"note","note":"x"}`, nil); code != 401 {
		t.Errorf("without a signature: %d", code)
	}
	s.login("张三")
	var in struct {
		Timeline []struct {
			By   string
			Text struct{ ZH string }
		}
	}
	s.ask("GET", "/incidents/"+id, "", &in)
	if last := in.Timeline[len(in.Timeline)-1]; last.By != "城管平台/王五" {
		t.Errorf("%+v", in.Timeline)
	}
}
