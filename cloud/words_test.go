package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/person"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRefusalsNameTheNextStep: who mistypes a name, a node or a file reads what to do, in the language asked for.
func TestRefusalsNameTheNextStep(t *testing.T) {
	zh, en := speech{Lang: "zh"}, speech{Lang: "en"}
	_, missing := app.Load(t.TempDir() + "/cloud.yaml")
	_, _, day := window{From: "yesterday"}.times(zh)
	_, _, jour := window{From: "yesterday"}.times(en)
	config := filepath.Join(t.TempDir(), "cloud.yaml")
	if err := os.WriteFile(config, []byte("data: data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
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
		{day, "2026-11-01 这样的日期"}, {jour, "a day such as 2026-11-01"},
		{(&decommissionCmd{speech: zh, ID: "gw-9", Config: config}).Run(t.Context()), "这里没有网关 gw-9"},
		{(&decommissionCmd{speech: en, ID: "gw-9", Config: config}).Run(t.Context()), "no gateway gw-9 here: cloud gateway list"},
		{(&personEraseCmd{speech: zh, whom: whom{Name: "张三", Config: config}, Reason: "r"}).Run(t.Context()), "没有任何记录是关于 张三"},
		{zh.notPerson("张三", &person.HeldError{Why: []rules.Text{{ZH: "先改排班", EN: "change the roster"}}}), "先改排班"},
		{en.notPerson("张三", &person.HeldError{Why: []rules.Text{{ZH: "先改排班", EN: "change the roster"}}}), "change the roster"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v; want %q in it", c.err, c.want)
		}
	}
}
