// Package e2e_test runs the whole product as a person would: the programs as built, on loopback, with a browser.
package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
)

const repository = "../.."

// bin is where TestMain has built the four programs.
var bin string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "linshao-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = filepath.Join(dir, "bin")
	if err := demo.Build(context.Background(), repository, bin, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// startDemo starts the demo and ends it with the test; a failed test shows the ends of the logs.
func startDemo(t *testing.T) *demo.Demo {
	t.Helper()
	dir := t.TempDir()
	d, err := demo.Start(t.Context(), demo.Options{Repository: repository, Bin: bin, Dir: dir, Start: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
		if !t.Failed() {
			return
		}
		for _, name := range []string{"sim", "cloud", demo.First, demo.Second} {
			text, _ := os.ReadFile(filepath.Join(dir, name+".log"))
			t.Logf("--- %s\n%s", name, text[max(0, len(text)-3000):])
		}
	})
	return d
}

// eventually tries until it works, for as long as a person would wait.
func eventually(t *testing.T, limit time.Duration, what string, try func() error) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
	}
}

func get(url string, into any) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// need skips a test for want of a program, or fails it where nothing may be skipped.
func need(t *testing.T, missing bool, what string) {
	t.Helper()
	if !missing {
		return
	}
	if os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatalf("needs %s", what)
	}
	t.Skipf("needs %s", what)
}
