package configs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/linshao/linshao/configs"
)

type site struct {
	Site     string `yaml:"site"`
	Channels []struct {
		ID     string `yaml:"id"`
		Baud   int    `yaml:"baud"`
		Parity string `yaml:"parity"`
	} `yaml:"channels"`
}

func TestMistakesAreToldWithPlaceAndHint(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"unknown key", "site: a\nchannels:\n  - id: x\n    buad: 9600\n", `s.yaml:4:5: unknown key "buad" (did you mean "baud"?)`},
		{"wrong type", "site: a\nchannels:\n  - id: x\n    baud: fast\n", "s.yaml:4:11: "},
		{"not yaml", "site: [a\n", "s.yaml:1:"},
		{"empty", " \n", "s.yaml: file is empty"},
		{"alias", "site: &a x\nchannels: []\n", "s.yaml:1:7: YAML anchors"},
		{"duplicate key", "site: a\nsite: b\n", "s.yaml:2:1: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var s site
			f, err := configs.Parse("s.yaml", []byte(c.text))
			if err == nil {
				err = f.Decode(&s)
			}
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s…", err, c.want)
			}
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	f, err := configs.Parse("s.yaml", []byte("site: [1]\nchannels:\n  - id: x\n    buad: 9600\n    parity: none\n  - id: y\n    baud: fast\n    pairty: even\n"))
	if err != nil {
		t.Fatal(err)
	}
	var s site
	err = f.Decode(&s)
	want := []string{`s.yaml:1:7: wants a text`, `s.yaml:4:5: unknown key "buad"`, `s.yaml:7:11: wants a whole number`, `s.yaml:8:5: unknown key "pairty"`}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("got %v\nwant %s", err, w)
		}
	}
	if len(s.Channels) != 2 || s.Channels[0].Parity != "none" || s.Channels[1].ID != "y" {
		t.Errorf("what is right was not filled in: %+v", s)
	}
}

func TestProblemPointsAtTheValue(t *testing.T) {
	f, err := configs.Parse("s.yaml", []byte("site: a\nchannels:\n  - id: x\n    parity: Even\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := f.Problem("$.channels[0].parity", "bad parity", "none|even|odd")
	if p.Line != 4 || p.Col != 13 || p.Source != "    parity: Even" {
		t.Fatalf("got %+v", p)
	}
	if p := f.Problem("$.channels[0].baud", "no baud", ""); p.Line != 3 {
		t.Fatalf("a missing key is told at its parent, got %+v", p)
	}
}

func TestTooLarge(t *testing.T) {
	_, err := configs.Parse("s.yaml", make([]byte, 2<<20))
	var ps configs.Problems
	if !errors.As(err, &ps) || !strings.Contains(err.Error(), "limit") {
		t.Fatalf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("site: a\nchannels:\n  - id: x\n"))
	f.Add([]byte("a: &x [*x]"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		file, err := configs.Parse("f.yaml", data)
		if err != nil {
			return
		}
		var s site
		_ = file.Decode(&s)
		_ = file.Problem("$.channels[0].id", "m", "h").Error()
	})
}
