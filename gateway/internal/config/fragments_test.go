package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// devicesD puts fragments beside a site.
func devicesD(t testing.TB, file string, fragments map[string]string) {
	t.Helper()
	dir := filepath.Join(filepath.Dir(file), "devices.d")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range fragments {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func ids(devices []device.Device) []string {
	var ids []string
	for _, d := range devices {
		ids = append(ids, d.ID)
	}
	return ids
}

const more = "channel: tcp-1\ndevices:\n  - {id: valve-2, profile: io-valve, address: \"8\", zone: k1802}\n"

func TestFragmentsAddDevicesToTheChannelsOfTheSite(t *testing.T) {
	file := write(t, good)
	alone, _ := config.Load(file, config.English)
	devicesD(t, file, map[string]string{"b.yaml": more, "a.yaml": strings.NewReplacer("valve-2", "valve-1b", `"8"`, `"7"`).Replace(more), "note.txt": "no YAML: [", ".hidden.yaml": "["})
	site, problems := config.Load(file, config.English)
	if site == nil {
		t.Fatal(problems)
	}
	if got := ids(site.Channels[0].Devices); !slices.Equal(got, []string{"A-03.1", "A-03.2", "valve-1", "siren-1", "valve-1b", "valve-2"}) {
		t.Error(got)
	}
	if site.Inventory.GetConfigHash() == alone.Inventory.GetConfigHash() || !slices.Contains(site.RestartNeeded(alone), "channels") {
		t.Error("the configuration's hash and sections do not cover the fragments")
	}
}

func TestMistakesOfAFragmentAreToldAtTheirPlace(t *testing.T) {
	cases := []struct{ text, want string }{
		{strings.Replace(more, "tcp-1", "tpc-1", 1), `devices.d/x.yaml:1:10: there is no channel "tpc-1" (did you mean tcp-1?)`},
		{strings.Replace(more, "channel: tcp-1\n", "", 1), `devices.d/x.yaml:1:1: channel is missing (use tcp-1 | rs485-1 | cams)`},
		{strings.Replace(more, "channel: ", "chanel: ", 1), `devices.d/x.yaml:1:1: unknown key "chanel" (did you mean "channel"?)`},
		{strings.Replace(more, "zone:", "zoen:", 1), `devices.d/x.yaml:3:52: unknown key "zoen" (did you mean "zone"?)`},
		{strings.Replace(more, "k1802", "k1820", 1), `devices.d/x.yaml:3:58: there is no zone "k1820" (did you mean k1802?)`},
		{strings.Replace(more, "io-valve", "io-vlave", 1), `devices.d/x.yaml:3:28: there is no profile "io-vlave" (did you mean io-valve?)`},
		{strings.Replace(more, "valve-2", "valve-1", 1), `devices.d/x.yaml:3:10: device valve-1 is there twice (first in site.yaml line 18) (an id is unique in a site)`},
		{strings.Replace(more, `"8"`, `"3"`, 1), `devices.d/x.yaml:3:47: address 3 twice on channel tcp-1: A-03 (site.yaml line 16) and valve-2`},
		{strings.Replace(more, "valve-2", "cams", 1), `devices.d/x.yaml:3:10: channel cams has the id of a device (site.yaml line 29) (an id is unique in a site)`},
		{more + `  - {id: valve-3, profile: io-valve, address: "8"}` + "\n", `devices.d/x.yaml:4:47: address 8 twice on channel tcp-1: valve-2 (line 3) and valve-3`},
		{"replaces: [valve-l]\n" + more, `devices.d/x.yaml:1:12: there is no device "valve-l" to be replaced (did you mean valve-1?)`},
		{"channel: tcp-1\ndevices: {\n", `devices.d/x.yaml:`},
		{"", `devices.d/x.yaml: file is empty`},
	}
	for _, c := range cases {
		file := write(t, good)
		devicesD(t, file, map[string]string{"x.yaml": c.text})
		site, problems := config.Load(file, config.English)
		got := strings.ReplaceAll(problems.Error(), filepath.Dir(file)+"/", "")
		if site != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.text, got, c.want)
		}
		// A gateway starts without it, and says the same.
		site, problems = config.LoadForStart(file, config.English)
		if site == nil || problems.Fatal() != nil || len(site.Devices()) != 6 {
			t.Fatalf("%s: the gateway does not start: %v", c.text, problems)
		}
		if got := strings.ReplaceAll(site.LeftOut.Error(), filepath.Dir(file)+"/", ""); !strings.HasPrefix(got, c.want) {
			t.Errorf("left out: got\n%s\nwant\n%s", got, c.want)
		}
	}
}

// Of two fragments that cannot be together the one with the later name gives way; what gateway.yaml says of its outputs is no reason
// not to start.
func TestABrokenFragmentKeepsNoGatewayFromStarting(t *testing.T) {
	file := write(t, good+"outputs: [{device: valve-2, point: open, lockout: 5m}, {kind: valve, point: open, safe: {value: 0, on: [failure]}}]\n")
	devicesD(t, file, map[string]string{"a.yaml": more, "b.yaml": strings.Replace(more, "valve-2", "valve-3", 1)})
	if _, problems := config.Load(file, config.Chinese); !strings.Contains(problems.Error(), "devices.d/b.yaml:3:47: 总线 tcp-1 上地址 8 重复：valve-2 ("+filepath.Dir(file)+"/devices.d/a.yaml 第 3 行) 与 valve-3") {
		t.Error(problems)
	}
	site, _ := config.LoadForStart(file, config.English)
	if site == nil || !slices.Contains(ids(site.Devices()), "valve-2") || slices.Contains(ids(site.Devices()), "valve-3") || len(site.LeftOut) != 1 {
		t.Fatalf("%v", site)
	}
	devicesD(t, file, map[string]string{"a.yaml": "["})
	site, problems := config.LoadForStart(file, config.English)
	if site == nil || !slices.Contains(ids(site.Devices()), "valve-3") || !strings.Contains(problems.Error(), `there is no device "valve-2"`) {
		t.Fatalf("%v", problems)
	}
	if len(site.Outputs) == 0 {
		t.Error("the other outputs' settings are gone")
	}
	if site, _ := config.LoadRules(file, config.English); site == nil {
		t.Error("rules cannot be taken up beside a broken fragment")
	}
}

// gateway.yaml's own mistakes refuse as before, and a broken profile that only a fragment wants does not.
func TestWhoseMistakeItIs(t *testing.T) {
	file := write(t, strings.Replace(good, "driver: dlt645", "driver: dlt654", 1))
	devicesD(t, file, map[string]string{"a.yaml": more})
	if site, _ := config.LoadForStart(file, config.English); site != nil {
		t.Error("started in spite of a broken gateway.yaml")
	}
	file = write(t, good)
	devicesD(t, file, map[string]string{"a.yaml": strings.Replace(more, "io-valve", "broken", 1)})
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "profiles", "broken.yaml"), []byte("model: broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if site, problems := config.LoadForStart(file, config.English); site == nil || !strings.Contains(site.LeftOut.Error(), "a.yaml:3:28: profile broken has mistakes") {
		t.Error(problems)
	}
}

func TestAReplacedDeviceKeepsItsId(t *testing.T) {
	file := write(t, good)
	devicesD(t, file, map[string]string{"a.yaml": "channel: rs485-1\nreplaces: [m-1]\ndevices:\n  - {id: m-1, profile: meter, address: \"000000099999\"}\n"})
	site, problems := config.Load(file, config.English)
	if site == nil {
		t.Fatal(problems)
	}
	d := site.Channels[1].Devices
	if len(d) != 1 || d[0].ID != "m-1" || d[0].Points[0].Address != "000000099999" {
		t.Errorf("%+v", d)
	}
}

func TestTheFolderOfFragments(t *testing.T) {
	file := write(t, "include: more.d\n"+good)
	site, problems := config.Load(file, config.English)
	if site == nil || !strings.Contains(problems.Error(), "site.yaml:1:10: folder") {
		t.Error(problems)
	}
	if got := config.IncludeDir(file); got != filepath.Join(filepath.Dir(file), "more.d") {
		t.Error(got)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "more.d"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if site, _ := config.LoadForStart(file, config.English); site == nil || len(site.LeftOut) != 1 {
		t.Error("a file instead of the folder keeps the gateway from starting")
	}
	// An operator may put it where other files are: they are left out, each with its reason.
	file = write(t, "include: profiles\n"+good)
	if site, _ := config.LoadForStart(file, config.English); site == nil || len(site.LeftOut) == 0 {
		t.Error("profiles were taken for fragments")
	}
}

func FuzzFragment(f *testing.F) {
	f.Add(more)
	f.Add("channel: rs485-1\nreplaces: [m-1]\ndevices:\n  - {id: m-1, profile: meter, address: \"000000099999\"}\n")
	f.Add("channel: tcp-1\nreplaces: [A-03, valve-1, siren-1]\n")
	file := write(f, good)
	f.Fuzz(func(t *testing.T, text string) {
		devicesD(t, file, map[string]string{"x.yaml": text})
		site, problems := config.Load(file, config.English)
		if (site == nil) != (problems.Fatal() != nil) {
			t.Fatalf("site %v beside %v", site, problems)
		}
		for _, p := range problems.Fatal() {
			if !strings.HasSuffix(p.File, "x.yaml") {
				t.Fatalf("the fragment's mistake is told of %s: %v", p.File, p)
			}
		}
		if again, problems := config.LoadForStart(file, config.English); again == nil || (site == nil) != (again.LeftOut != nil) {
			t.Fatalf("the gateway does not start: %v", problems)
		}
	})
}
