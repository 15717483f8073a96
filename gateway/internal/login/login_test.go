package login_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/gateway/internal/login"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestACodeIsMadeOnceAndIsNobodyElses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "claim.code")
	code, err := login.Code(file)
	if err != nil || !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$`).MatchString(code) {
		t.Fatalf("%q, %v", code, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if again, err := login.Code(file); err != nil || again != code {
		t.Errorf("%q, %v", again, err)
	}
	renewed, err := login.NewCode(file)
	if err != nil || renewed == code {
		t.Errorf("%q, %v", renewed, err)
	}
	if err := os.WriteFile(file, []byte("1234\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := login.Code(file); !errors.Is(err, login.ErrCode) {
		t.Errorf("a short code: %v", err)
	}
}

func TestACodeIsUnderstoodAsPeopleTypeIt(t *testing.T) {
	for _, typed := range []string{"7K20-Q91X-D04R", " 7k2o q9ix d04r\n", "7K20—Q9LX－D04R"} {
		door := login.NewDoor("7K20-Q91X-D04R")
		if session, _, ok := door.Try(typed); !ok || !door.Knows(session) {
			t.Errorf("%q is refused", typed)
		}
	}
}

func TestGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := login.NewDoor("7K20-Q91X-D04R")
		looked, began := 0, time.Now()
		for time.Since(began) < time.Hour {
			if _, wait, ok := door.Try(strings.Repeat("0", 12)); ok {
				t.Fatal("a wrong code is let in")
			} else if looked++; wait > 0 {
				if _, _, ok := door.Try("7K20-Q91X-D04R"); ok {
					t.Fatal("a code is looked at too early")
				}
				<-time.After(wait)
			}
		}
		if looked > 75 {
			t.Errorf("%d codes in an hour", looked)
		}
		if session, _, ok := door.Try("7K20-Q91X-D04R"); !ok || !door.Knows(session) {
			t.Error("the right code is refused after wrong ones")
		}
	})
}

func TestASessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := login.NewDoor("7K20-Q91X-D04R")
		first, _, _ := door.Try("7K20-Q91X-D04R")
		door.Leave(first)
		if door.Knows(first) || door.Knows("") {
			t.Error("who has left is still known")
		}
		second, _, _ := door.Try("7K20-Q91X-D04R")
		<-time.After(login.Lasts)
		if door.Knows(second) {
			t.Error("a session outlasts its time")
		}
		var sessions []string
		for range 20 {
			<-time.After(time.Second)
			s, _, _ := door.Try("7K20-Q91X-D04R")
			sessions = append(sessions, s)
		}
		if door.Knows(sessions[3]) || !door.Knows(sessions[4]) || !door.Knows(sessions[19]) {
			t.Error("not the newest 16 sessions are open")
		}
	})
}
