package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// goTest is a proof inside a package that nothing else may import: a test of it that prints its result behind "proof: ".
type goTest struct {
	pkg, test    string
	small, large int  // runs, told by LINSHAO_PROOF_RUNS
	fixed        bool // without -seed the test chooses one, always the same
}

func (g goTest) run(ctx context.Context, o options) (json.RawMessage, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-vet=off", "-timeout=0", "-v", "-run", "^"+g.test+"$", g.pkg)
	cmd.Env = append(os.Environ(), fmt.Sprintf("LINSHAO_PROOF_RUNS=%d", o.pick(g.small, g.large)))
	if o.asked || !g.fixed {
		cmd.Env = append(cmd.Env, fmt.Sprintf("LINSHAO_PROOF_SEED=%d", o.seed))
	}
	if o.long {
		cmd.Env = append(cmd.Env, "LINSHAO_PROOF_LONG=1")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", g.test, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", g.test, err)
	}
	line, log, err := proofLine(out)
	if err != nil {
		return nil, fmt.Errorf("read output of %s: %w", g.test, err)
	}
	failed := cmd.Wait()
	switch {
	case line == nil:
		return nil, fmt.Errorf("%s ends without a result (%w)\n%s", g.test, failed, log)
	case failed != nil:
		return line, fmt.Errorf("%w:\n%s", errBroken, log)
	}
	return line, nil
}

// proofLine returns the result, and the other output for people.
func proofLine(r io.Reader) (line json.RawMessage, log string, err error) {
	var rest bytes.Buffer
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "proof: "); ok {
			line = json.RawMessage(text)
			continue
		}
		fmt.Fprintln(&rest, lines.Text())
	}
	return line, rest.String(), lines.Err()
}
