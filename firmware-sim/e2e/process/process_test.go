package process_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// Every server comes back after kill -9, on the same port and the same folder.
func TestServersSurviveKills(t *testing.T) {
	servers := map[string]func(context.Context, string, int) (*process.Process, error){
		"mosquitto": process.Mosquitto, "postgres": process.Postgres, "victoria": process.Victoria,
	}
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			port, err := freeport.Find()
			if err != nil {
				t.Fatal(err)
			}
			for round := range 3 {
				p, err := start(t.Context(), dir, port)
				if errors.Is(err, process.ErrMissing) && os.Getenv("LINSHAO_REQUIRE") == "" {
					t.Skip(err)
				}
				if err != nil {
					t.Fatal(err)
				}
				if round == 2 {
					if err := p.Stop(); err != nil {
						t.Fatal(err)
					}
				} else if !p.Kill() {
					t.Fatal("it had ended by itself")
				}
			}
		})
	}
}
