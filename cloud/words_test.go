package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRefusalsNameTheNextStep: who mistypes a name, a node or a file reads what to do, in the language asked for.
func TestRefusalsNameTheNextStep(t *testing.T) {
	zh, en := speech{Lang: "zh"}, speech{Lang: "en"}
	_, missing := app.Load(t.TempDir() + "/cloud.yaml")
	bad := &auth.BadError{ZH: "密码太短", EN: "password too short"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{zh.refused("zhao", auth.ErrNobody), "cloud user list"},
		{en.refused("zhao", auth.ErrNobody), "there is no user zhao: cloud user list"},
		{zh.refused("zhao", bad), "用户 zhao：密码太短"},
		{en.refused("zhao", bad), "user zhao: password too short"},
		{missing, "--config"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v; want %q in it", c.err, c.want)
		}
	}
}
