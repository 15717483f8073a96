package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// programs of the product, as Go packages from the repository's root.
var programs = [...]string{"./firmware-sim", "./gateway", "./cloud", "./drivers/rtsp/driver-rtsp"}

// Build compiles the four programs into dir, telling every few seconds that it is still at it: the first time takes minutes.
func Build(ctx context.Context, repository, dir string, out io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder for programs: %w", err)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("make folder for programs: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", absolute + "/"}, programs[:]...)...)
	cmd.Dir = repository
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("build programs: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("build programs: %w", err)
			}
			return nil
		case <-tick.C:
			fmt.Fprintf(out, "  编译中 building … %d s (第一次要几分钟 the first time takes minutes)\n", int(time.Since(began).Seconds()))
		}
	}
}
