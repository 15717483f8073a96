// Package layout_test holds the shape of the repository: who may import whom, how long a file may get, that nothing
// undocumented is exported, and that README and DESIGN files name only what exists.
package layout_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	root   = "../../.."
	module = "github.com/linshao/linshao/"
)

// may says what a folder's packages may import of ours, by prefix. The longest matching folder counts.
var may = map[string][]string{
	"configs":                  {},
	"drivers/device":           {"drivers/device"},
	"drivers":                  {"drivers"},
	"rules":                    {"drivers/device", "configs", "rules"},
	"cloud/wire":               {"drivers/device", "rules"},
	"gateway":                  {"gateway/app", "gateway/internal", "drivers", "rules", "cloud/wire", "configs"},
	"gateway/internal":         {"gateway/internal", "drivers", "rules", "cloud/wire", "configs"},
	"cloud":                    {"cloud", "drivers/device", "rules", "configs"},
	"cloud/internal":           {"cloud/wire", "cloud/internal", "drivers/device", "rules", "configs"},
	"cloud/internal/db/dbtest": {"cloud/internal", "firmware-sim/freeport"},
	"firmware-sim":             {"firmware-sim"},
	"firmware-sim/e2e":         {"firmware-sim", "drivers", "rules", "gateway", "cloud", "configs"},
}

func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		folder := filepath.ToSlash(filepath.Dir(f.path))
		for _, spec := range f.tree.Imports {
			target, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
			if !ours {
				if folder == "drivers/device" && strings.Contains(spec.Path.Value, ".") && !f.test {
					t.Errorf("%s imports %s: the vocabulary uses the standard library alone", f.path, spec.Path.Value)
				}
				continue
			}
			if under(target, "firmware-sim/e2e") && !under(folder, "firmware-sim/e2e") {
				t.Errorf("%s imports %s: nothing imports e2e", f.path, target)
			}
			if !f.test && !allowed(folder, target) {
				t.Errorf("%s imports %s: the table in layout_test.go does not let it", f.path, target)
			}
		}
	}
}

func allowed(folder, target string) bool {
	longest, list := "", []string(nil)
	for prefix, targets := range may {
		if under(folder, prefix) && len(prefix) > len(longest) {
			longest, list = prefix, targets
		}
	}
	for _, prefix := range list {
		if under(target, prefix) {
			return true
		}
	}
	return false
}

func under(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// Bars of the house style that a machine can hold.
const (
	maxFileLines     = 400
	maxFunctionLines = 60
)

func TestHouseStyle(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range goFiles(t) {
		if lines := strings.Count(f.text, "\n"); lines > maxFileLines && !f.test {
			t.Errorf("%s has %d lines: is it one room or several?", f.path, lines)
		}
		if f.test && strings.Contains(f.text, "time."+"Sleep(") {
			t.Errorf("%s sleeps", f.path)
		}
		folder := filepath.Dir(f.path)
		documented[folder] = documented[folder] || f.test || f.tree.Doc != nil
		for _, decl := range f.tree.Decls {
			f.checkDecl(t, decl)
		}
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("%s: the package has no comment that says what it gives", folder)
		}
	}
}

func (f goFile) checkDecl(t *testing.T, decl ast.Decl) {
	fn, ok := decl.(*ast.FuncDecl)
	if !ok {
		f.checkTypes(t, decl.(*ast.GenDecl))
		return
	}
	if fn.Name.Name == "init" && fn.Recv == nil {
		t.Errorf("%s has an init function", f.path)
	}
	lines := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line
	if lines > maxFunctionLines && !f.test {
		t.Errorf("%s: %s has %d lines", f.path, fn.Name.Name, lines)
	}
	if fn.Doc == nil && fn.Name.IsExported() && fn.Recv == nil && !f.test && f.tree.Name.Name != "main" {
		t.Errorf("%s: %s is exported and says nothing", f.path, fn.Name.Name)
	}
}

func (f goFile) checkTypes(t *testing.T, decl *ast.GenDecl) {
	if decl.Tok != token.TYPE || f.test || f.tree.Name.Name == "main" {
		return
	}
	for _, spec := range decl.Specs {
		named := spec.(*ast.TypeSpec)
		if named.Name.IsExported() && decl.Doc == nil && named.Doc == nil {
			t.Errorf("%s: type %s is exported and says nothing", f.path, named.Name.Name)
		}
	}
}

type goFile struct {
	path string // from the repository's root
	text string
	test bool
	set  *token.FileSet
	tree *ast.File
}

// goFiles are all Go files but generated ones.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".pb.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files = append(files, goFile{rel, string(text), strings.HasSuffix(path, "_test.go"), set, tree})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
