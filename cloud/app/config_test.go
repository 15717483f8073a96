package app_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/configs"
)

func TestShippedFiles(t *testing.T) {
	for _, name := range []string{"cloud.yaml", "demo/cloud.yaml"} {
		text, err := fs.ReadFile(configs.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := app.Parse(name, text); err != nil {
			t.Errorf("%v", err)
		}
	}
	// The defaults in words are the defaults in code.
	text, err := fs.ReadFile(configs.FS, "cloud.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := app.Parse("/x/cloud.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	testReceiverExamples(t, string(text))
	bare, err := app.Parse("/x/cloud.yaml", []byte("sites: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if bare.Data != shipped.Data || bare.HTTP != shipped.HTTP || bare.MQTT != shipped.MQTT || bare.Series != shipped.Series || bare.Timezone != shipped.Timezone || bare.SQL != shipped.SQL || bare.SQLFile != shipped.SQLFile || !reflect.DeepEqual(bare.Handling, shipped.Handling) {
		t.Errorf("cloud.yaml says %+v, a bare file means %+v", shipped, bare)
	}
}

// Messages go to logs and tickets: they repeat neither the password nor the robot's key of an address.
func TestMistakesTellNoSecrets(t *testing.T) {
	for _, text := range []string{
		"sql: postgres://cloud:geheim@127.0.0.1/linshao\n",
		"sql: postgres://cloud:%geheim@127.0.0.1/linshao\n",
		"sqll: postgres://cloud:geheim@127.0.0.1/linshao\n",
		"sql: [postgres://cloud:geheim@127.0.0.1/linshao]\n",
		"mqtt:\n  url: mqqts://cloud:geheim@broker.example\n",
		"mqtt:\n  url: mqtt://cloud:%geheim@broker.example\n",
		"mqtt: {ulr: 'mqtts://cloud:geheim@broker.example'}\n",
		"notify:\n  - {id: a, kind: wecm, url: 'https://qyapi.example/send?v=1&key=geheim'}\n",
		"notify:\n  - {id: a, kind: feishu, url: 'http://open.feishu.example/open-apis/bot/v2/hook/geheim'}\n",
		"notify:\n  - {id: a, kid: wecom, url: 'https://ding.example/send?access_token=geheim'}\n",
	} {
		_, err := app.Parse("cloud.yaml", []byte(text))
		var problems configs.Problems
		if !errors.As(err, &problems) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v", text, err)
		}
		for _, p := range problems {
			if strings.Contains(p.Source, "geheim") {
				t.Errorf("%q: line %q", text, p.Source)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"open.key": 0o644, "short.key": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("0123456"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, rule := range map[string]string{"odd.yaml": "kind: incident\n    expr: wating > 3m\n    mode: armed", "gas.yaml": "kind: gas\n    expr: level > 25\n    mode: armed"} {
		text := "rules:\n  - id: R16\n    " + rule + "\n    severity: A\n    title: {zh: 高, en: High}\n    message: {zh: 高, en: High}\n    card: [{zh: 看, en: Look}]\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct{ text, want string }{
		{"htpp: {}\n", `:1:1: unknown key "htpp" (did you mean "http"?)`},
		{"timezone: Mars/City\n", `:1:11: unknown time zone "Mars/City"`},
		{"http:\n  listen: 0.0.0.0:8443\n", ":2:11: beyond loopback the page must be served by TLS"},
		{"http:\n  listen: here\n", `:2:11: "here" is no address to listen on`},
		{"http:\n  cert: none.pem\n", ":2:9: open "},
		{"mqtt:\n  listen: :1883\n", ":2:11: beyond loopback gateways must show certificates"},
		{"mqtt:\n  url: amqp://x\n", `:2:8: "amqp://x" is no address of a broker`},
		{"mqtt:\n  url: mqtt://x:1883\n  listen: 127.0.0.1:1\n", ":3:11: listen and url exclude each other"},
		{"series:\n  kind: sqlit\n", `:2:9: unknown kind of store "sqlit" (did you mean "sqlite"?)`},
		{"series:\n  kind: victoriametrics\n", ":2:3: the store needs the address of its server"},
		{"series:\n  retention: long\n", `:2:14: "long" is no duration`},
		{"series:\n  token_file: open.key\n", "can be read by others (chmod 600)"},
		{"notify:\n  - id: Duty\n    kind: sms\n    url: ftp://x\n", `:2:9: id "Duty" is not made of`},
		{"notify:\n  - id: Duty\n    kind: sms\n    url: ftp://x\n", `:3:11: unknown kind of receiver "sms"`},
		{"notify:\n  - {id: a, kind: webhook, url: 'https://x', secret_file: short.key}\n", "at least 16 bytes"},
		{"notify:\n  - {id: a, kind: wecom, url: 'https://x', severities: [D]}\n", `unknown severity "D"`},
		{"notify:\n  - {id: a, kind: dingtak, url: 'https://x'}\n", `unknown kind of receiver "dingtak" (did you mean "dingtalk"?)`},
		{"notify:\n  - {id: a, kind: feishu, url: 'http://x/hook/k'}\n", ":2:32: the address of a robot holds its key: it needs https"},
		{"notify:\n  - {id: a, kind: wecom, url: 'https://x', body: hi}\n", ":2:50: body belongs to receivers of kind webhook"},
		{"notify:\n  - {id: a, kind: wecom, url: 'https://x', per_minute: 100}\n", ":2:56: it belongs to mail and to webhooks with a body"},
		{"notify:\n  - {id: a, kind: mail, url: 'smtp://x', from: a@b.c, to: [a@b.c]}\n", "mail needs the address of a server with its port"},
		{"notify:\n  - {id: a, kind: mail, url: 'smtp://x:25', from: a@b.c, to: ['A <a@b.c>']}\n", `"A <a@b.c>" is no mail address`},
		{"notify:\n  - {id: a, kind: mail, url: 'smtp://x:25', from: a@b.c, to: [a@b.c], user: a}\n", "belong together"},
		{"notify:\n  - {id: a, kind: mail, url: 'smtp://x:25', from: a@b.c, to: [a@b.c], ca: short.key}\n", "there is no certificate in it"},
		{"notify:\n  - {id: a, kind: webhook, url: 'https://x', body: '{{.Txt}}'}\n", ":2:52: body: "},
		{"notify:\n  - {id: a, kind: webhook, url: 'https://x', body: '{}', answer_ok: '('}\n", ":2:69: answer_ok: "},
		{"notify:\n  - {id: a, kind: webhook, url: 'https://x', method: PUT}\n", "belong to a webhook with a body"},
		{"sql: mysql://linshao@127.0.0.1/linshao\n", ":1:6: the address of the database cannot be used: it must begin with postgres:// (postgres://linshao@db.example"},
		{"sql: postgres://linshao@db.example/linshao?sslmode=require\n", ":1:6: the address of the database cannot be used: beyond this machine it needs sslmode=verify-full"},
		{"sql: postgres://linshao@db.example/linshao?sslrootcert=none.pem\n", ":1:6: open "},
		{"sql: postgres://linshao:pw@127.0.0.1/linshao\n", "the password must not stand in it: use sql_password_file"},
		{"sql: postgres://linshao@127.0.0.1/linshao\nsql_password_file: open.key\n", ":2:20: "},
		{"sql: postgres://linshao@127.0.0.1/linshao\nsql_password_file: open.key\n", "can be read by others (chmod 600)"},
		{"sql_password_file: short.key\n", ":1:20: a password of no database"},
		{"overdue: none.yaml\n", ":1:10: open "},
		{"overdue: odd.yaml\n", `odd.yaml:4:11: `},
		{"overdue: gas.yaml\n", ":1:10: rule R16 is about a gas, which a gateway judges"},
		{"handling: {limits: {D: {verified: 3m}}}\n", `unknown class "D"`},
		{"handling: {limits: {A: {verfied: 3m}}}\n", `unknown step "verfied"`},
		{"handling: {limits: {A: {verified: soon}}}\n", `"soon" is no time limit`},
		{"handling: {check: [a]}\n", `unknown class "a"`},
		{"handling: {whistles: {4: [省]}}\n", "unknown whistle 4"},
		{"public_url: linshao\n", `:1:13: "linshao" is no address of a page`},
	}
	for _, c := range cases {
		_, err := app.Parse(filepath.Join(dir, "cloud.yaml"), []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// testReceiverExamples: what stands in comments is a configuration too.
func testReceiverExamples(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"grid.key", "property.key", "mail.password", "street.key", "sms.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("0123456789abcdef"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, text, _ = strings.Cut(text, "# notify:\n")
	text, _, _ = strings.Cut(text, "notify: []")
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimPrefix(line, "# "))
	}
	cfg, err := app.Parse(filepath.Join(dir, "cloud.yaml"), []byte("notify:\n"+strings.Join(lines, "")))
	if err != nil || len(cfg.Notify) != 6 {
		t.Errorf("the examples of receivers: %d, %v", len(cfg.Notify), err)
	}
}
