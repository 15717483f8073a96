package layout_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	quoted     = regexp.MustCompile("`([^`\n]+)`")
	pathLike   = regexp.MustCompile(`^\.?[a-z0-9_.-]+(/[A-Za-z0-9_.-]+)+/?$`)
	makeTarget = regexp.MustCompile(`^make ([a-z0-9-]+)`)
	// Named in the documents as examples or as what a program makes; not in the tree.
	elsewhere = regexp.MustCompile(`^(/|out/|bin/|up/|down/|ls/|quarantine/|bundles/|gateway/app\.)|\.(com|org|dev)/|^application/`)
)

// TestDocumentsAreTrue checks that every path and make target that README.md and the DESIGN.md files name exists.
func TestDocumentsAreTrue(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, doc := range tracked(t, "*.md") {
		for _, m := range quoted.FindAllStringSubmatch(read(t, doc), -1) {
			word := m[1]
			if target := makeTarget.FindStringSubmatch(word); target != nil {
				if !strings.Contains(makefile, "\n"+target[1]+":") {
					t.Errorf("%s: there is no %q", doc, word)
				}
				continue
			}
			if !pathLike.MatchString(word) || elsewhere.MatchString(word) {
				continue
			}
			if !exists(word) && !exists(filepath.Join(filepath.Dir(doc), word)) {
				t.Errorf("%s names %s, which does not exist", doc, word)
			}
		}
	}
}

// TestNothingOfTheWorkshop checks that no file names a package registry's host or a path of the machine it was written on.
func TestNothingOfTheWorkshop(t *testing.T) {
	host := regexp.MustCompile(`(?i)(^|[^a-z])(proxy|registry|deb|sum)\.[a-z]+\.org|/wor[k]/[a-z.]|/roo[t]/`)
	hints := []string{"proxy.", "registry.", "deb.", "sum.", "/wor" + "k/", "/roo" + "t/"}
	for _, path := range tracked(t, ".") {
		if path == "go.sum" || strings.HasSuffix(path, ".png") {
			continue
		}
		text := read(t, path)
		low := strings.ToLower(text)
		if !slices.ContainsFunc(hints, func(hint string) bool { return strings.Contains(low, hint) }) { // the pattern itself is slow
			continue
		}
		if m := host.FindString(text); m != "" {
			t.Errorf("%s names %q", path, m)
		}
	}
}

func tracked(t *testing.T, pattern string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--", pattern)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list files: %v", err)
	}
	return strings.Fields(string(out))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(root, path))
	return err == nil
}
