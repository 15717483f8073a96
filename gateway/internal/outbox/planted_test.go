package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// plantedSeeds is within how many stories a planted bug must be found.
const plantedSeeds = 2000

// plantedSeed is used when none is asked for: a check that every commit must pass has to be the same every time.
const plantedSeed = 11

// planted is a bug that the power cuts must find: text of a product file, and the bug in its place. It exists only in the
// overlay of one compilation. The first ones are what other logs did wrong, the later ones what this one did until it was proved.
type planted struct{ name, file, old, bug string }

var plantedBugs = []planted{
	{"no fsync of the folder", "segments.go",
		"	if err == nil {\n		err = syncDir(l.cfg.disk, l.cfg.Dir)\n	}\n	if err != nil {\n		_ = f.Close()\n		if !there",
		"	if err != nil {\n		_ = f.Close()\n		if !there"},
	{"acknowledged before fsync", "append.go", "if err := l.active.Sync(); err != nil {", "if err := error(nil); err != nil {"},
	{"no checksum of the payload", "format.go", "if payloadSum(b[recordHead:size]) != binary.LittleEndian.Uint32(b[44:]) {", "if false {"},
	{"no checksum of the head", "format.go", " || headSum(b, seed, off) != binary.LittleEndian.Uint32(b[4:])", ""},
	{"no epoch in the checksum", "format.go", "mix(mix(0, h.epoch), h.first)", "mix(0, h.first)"},
	{"numbers used again after a power cut", "recover.go", "return l.cfg.Sync > 0 && (hint.kernel", "return false && (hint.kernel"},
	{"evicted without a gap", "segments.go", "		l.noteHole(keep, last, ReasonEvicted)\n", ""},
	{"failed fsync tried again on the same file", "append.go", "if err := l.active.Sync(); err != nil {",
		"err := l.active.Sync()\n	if err != nil {\n		err = l.active.Sync()\n	}\n	if err != nil {"},
	{"cursor trusted over the log", "recover.go", "		floor = max(floor, hint.cum+1, hint.next)\n", "		l.next, floor = hint.cum+1, 0\n"},
	{"torn end cut off without fsync", "recover.go", "	if err == nil {\n		err = f.Sync()\n	}\n	if err != nil {\n		_ = f.Close()\n		l.cfg.Log.Warn(\"segment cannot be continued\"",
		"	if err != nil {\n		_ = f.Close()\n		l.cfg.Log.Warn(\"segment cannot be continued\""},
	{"header not synced before records", "segments.go", "if _, err = f.WriteAt(h.encode(), 0); err == nil {\n		err = f.Sync()\n	}", "_, err = f.WriteAt(h.encode(), 0)"},
	{"reading ends at the first damage", "read.go", "	skip := resync(r.buf, r.seed, r.pos.off, r.pos.seq)\n", "	skip := -1\n"},
	{"torn end taken for the end of numbers", "recover.go", "floor = l.next + lost", "floor = 0 * lost"},
	{"skipped numbers only in memory", "recover.go", "	l.owed = l.next - 1\n	if l.active != nil {", "	l.owed = l.next - 1\n	if false {"},
	{"the newest segment evicted", "segments.go", "if len(l.segs) < 2 {", "if len(l.segs) < 1 || len(l.segs) < 2 && l.active != nil {"},
	{"a gap told before its numbers are taken", "log.go", "if g.Last <= l.firm {", "if true {"},
	{"a lost cursor hides what was evicted", "recover.go", "l.unsure = oldest - 1", "l.unsure = 0 * oldest"},
	{"a read error taken for damage", "recover.go", "if f.mute {", "if false {"},
	{"after a failed fsync a restart trusts the cache", "recover.go", "	if !orderly {\n		_, err = f.WriteAt", "	if false {\n		_, err = f.WriteAt"},
	{"a file that could not be synced is built on", "recover.go", "		l.shaky, l.shakyBytes = seg, data\n", ""},
	{"what only the cache has is handed out", "secure.go", "		l.veil = from\n", "		_ = from\n"},
	{"no fsync of the folders above", "recover.go", "l.loose, l.adrift = len(files) == 0, true", "l.loose, l.adrift = false, true"},
	{"deletes before the newest name is sure", "segments.go", " || l.fixNames() != nil", ""},
	{"an old cursor claims an orderly end", "recover.go", "if l.oldHint = l.hint.clean; l.oldHint &&", "if l.oldHint = false; l.oldHint &&"},
}

type plantedResult struct {
	Name    string         `json:"name"`
	Runs    int            `json:"runs"` // bugs
	Each    int            `json:"each"` // searches for each, with another seed
	Missed  int            `json:"missed"`
	Seeds   map[string]int `json:"seeds"` // needed to find each, at most; 0 not found
	Within  int            `json:"within"`
	Seed    uint64         `json:"seed"`
	Missing []string       `json:"missing,omitempty"`
}

// TestPlantedBugs is the proof planted_bugs, with LINSHAO_PROOF_RUNS searches for each bug. Without prove it only checks that the bugs can still be planted.
func TestPlantedBugs(t *testing.T) {
	for _, p := range plantedBugs {
		if _, err := p.apply(); err != nil {
			t.Error(err)
		}
	}
	proof := proofOf(t, 0)
	if os.Getenv("LINSHAO_PROOF_SEED") == "" {
		proof.seed = plantedSeed
	}
	if t.Failed() || !proof.all {
		return
	}
	result := plantedResult{Name: "planted_bugs", Seeds: map[string]int{}, Each: proof.runs, Within: plantedSeeds, Seed: proof.seed}
	for _, p := range plantedBugs {
		if only := os.Getenv("LINSHAO_PROOF_ONLY"); only != "" && !strings.Contains(p.name, only) {
			continue
		}
		bin := p.build(t)
		result.Runs++
		for i := range uint64(proof.runs) {
			n, what := p.hunt(t, bin, proof.seed+i)
			t.Logf("%s: %d seeds from %d on: %s", p.name, n, proof.seed+i, what)
			result.Seeds[p.name] = max(result.Seeds[p.name], n)
			if n == 0 {
				result.Missed++
				result.Missing = append(result.Missing, fmt.Sprintf("%s (seed %d)", p.name, proof.seed+i))
			}
		}
	}
	proofLine(t, result)
	if result.Missed > 0 {
		t.Errorf("not found in %d seeds: %q", plantedSeeds, result.Missing)
	}
}

// apply returns the file's text with the bug.
func (p planted) apply() ([]byte, error) {
	text, err := os.ReadFile(p.file)
	if err != nil {
		return nil, fmt.Errorf("plant %s: %w", p.name, err)
	}
	if n := bytes.Count(text, []byte(p.old)); n != 1 {
		return nil, fmt.Errorf("%s: its text occurs %d times in %s: bring plantedBugs up to date", p.name, n, p.file)
	}
	return bytes.Replace(text, []byte(p.old), []byte(p.bug), 1), nil
}

// build compiles the package with the bug.
func (p planted) build(t *testing.T) (bin string) {
	t.Helper()
	dir := t.TempDir()
	text, err := p.apply()
	if err != nil {
		t.Fatal(err)
	}
	real, err := filepath.Abs(p.file)
	if err != nil {
		t.Fatal(err)
	}
	bugged, overlay := filepath.Join(dir, p.file), filepath.Join(dir, "overlay.json")
	bin = filepath.Join(dir, "test")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {real: bugged}})
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{bugged: text, overlay: replace} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "test", "-c", "-o", bin, "-overlay", overlay, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // what the programs' builds have compiled is used again
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s does not compile: %s", p.name, out)
	}
	return bin
}

// hunt returns how many stories of a seed it takes to see the bug.
func (p planted) hunt(t *testing.T, bin string, seed uint64) (seeds int, what string) {
	t.Helper()
	cmd := exec.Command(bin, "-test.run", "^TestPowerCut$", "-test.v", "-test.timeout", "5m")
	cmd.Env = append(os.Environ(), fmt.Sprintf("LINSHAO_PROOF_RUNS=%d", plantedSeeds), fmt.Sprintf("LINSHAO_PROOF_SEED=%d", seed), "LINSHAO_PROOF_ONLY=")
	out, failed := cmd.CombinedOutput()
	var found storyResult
	if _, line, ok := bytes.Cut(out, []byte("proof: ")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		if err := json.Unmarshal(line, &found); err != nil {
			t.Fatalf("%s: %v in %s", p.name, err, line)
		}
	} else if failed != nil {
		t.Fatalf("%s ends without a result: %s", p.name, out)
	}
	if found.Broken == 0 {
		return 0, ""
	}
	return found.FirstSeed + 1, found.What
}
