package configs

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxProblems bounds the mistakes told about one file: after so many, one more helps nobody.
const maxProblems = 50

// Decode fills v, a pointer to a struct with yaml tags. A key that v does not know is a mistake, with the nearest known key as hint.
// The error is Problems and holds every mistake of this sort; what is right has been filled in all the same, so that the caller can go on checking.
func (f *File) Decode(v any) error {
	if len(bytes.TrimSpace(f.data)) == 0 {
		return Problems{{File: f.Name, Message: "file is empty", Hint: "see configs/ for an example"}}
	}
	// The decoder stops at its first mistake. So the pair in which it lies is taken out of a copy of the tree, and decoding begins anew.
	tree, err := parser.ParseBytes(f.data, 0)
	if err != nil {
		return Problems{f.fromYAML(err, nil)}
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return nil
	}
	var problems Problems
	known := knownKeys(reflect.TypeOf(v))
	for {
		reflect.ValueOf(v).Elem().SetZero()
		err := yaml.NodeToValue(tree.Docs[0].Body, v, yaml.Strict())
		if err == nil {
			break
		}
		problems = append(problems, f.fromYAML(err, known))
		var ye yaml.Error
		if len(problems) == maxProblems || !errors.As(err, &ye) || !cutPair(tree.Docs[0].Body, ye.GetToken()) {
			break
		}
	}
	if problems == nil {
		return nil
	}
	return problems
}

// cutPair removes the innermost key and value of the tree that hold the token; false when there are none.
func cutPair(root ast.Node, tok *token.Token) bool {
	if tok == nil || tok.Position == nil {
		return false
	}
	v := &pairFinder{offset: tok.Position.Offset}
	ast.Walk(v, root)
	if v.mapping == nil {
		return false
	}
	v.mapping.Values = append(v.mapping.Values[:v.index:v.index], v.mapping.Values[v.index+1:]...)
	return true
}

// pairFinder looks for the last pair that begins at or before an offset, among all mappings: that is the innermost one around it.
type pairFinder struct {
	offset  int
	best    int
	mapping *ast.MappingNode
	index   int
}

func (v *pairFinder) Visit(n ast.Node) ast.Visitor {
	if m, ok := n.(*ast.MappingNode); ok {
		for i, pair := range m.Values {
			if at := first(pair.Key).Position.Offset; at <= v.offset && (v.mapping == nil || at >= v.best) {
				v.best, v.mapping, v.index = at, m, i
			}
		}
	}
	return v
}

func (f *File) fromYAML(err error, known []string) Problem {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return Problem{File: f.Name, Message: err.Error()}
	}
	tok, message, hint := ye.GetToken(), ye.GetMessage(), ""
	if unknown, ok := strings.CutPrefix(message, "unknown field "); ok {
		unknown = strings.Trim(unknown, `"`)
		message = fmt.Sprintf("unknown key %q", unknown)
		if near := Nearest(unknown, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
	}
	if m := mismatch.FindStringSubmatch(message); m != nil {
		message = "wants " + wanted(m[1])
	}
	return f.problemAt(tok, message, hint)
}

var mismatch = regexp.MustCompile(`^cannot unmarshal .* of type (\S+)`)

// wanted says a Go type in an operator's words.
func wanted(goType string) string {
	switch {
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "uint"):
		return "a whole number"
	case strings.HasPrefix(goType, "float"):
		return "a number"
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	}
	return "keys and values"
}
