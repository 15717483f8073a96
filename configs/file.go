// Package configs holds every file that an operator edits, embedded as the defaults of the programs, and the one way in
// which a mistake in such a file is told: file, line, column, what is wrong, what to do, and the line itself.
// Gateway, cloud and rules read their YAML through it.
package configs

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A File is a parsed YAML file that remembers where everything stands.
type File struct {
	Name string
	data []byte
	tree *ast.File
}

// A Problem is one mistake at one place of a file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 1-based; 0 when the place is unknown
	Col     int    `json:"col"`
	Message string `json:"message"`          // what is wrong
	Hint    string `json:"hint,omitempty"`   // what to do; may be empty
	Source  string `json:"source,omitempty"` // the line as it stands in the file
	Warning bool   `json:"warning"`          // worth saying, but the file can be used
}

// Error tells the place and the mistake on one line.
func (p Problem) Error() string {
	s := p.File
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
	}
	s += ": " + p.Message
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Problems are all mistakes of a set of files, in the order in which they were found.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Fatal answers the problems that are no warnings; nil when there are none.
func (ps Problems) Fatal() Problems {
	var fatal Problems
	for _, p := range ps {
		if !p.Warning {
			fatal = append(fatal, p)
		}
	}
	return fatal
}

// maxFile bounds a configuration file: 1 MiB, far above any honest one.
const maxFile = 1 << 20

// Parse reads YAML; the error is Problems. Aliases are refused: no shipped file needs them, and nested ones can fill the memory.
func Parse(name string, data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, Problems{{File: name, Message: fmt.Sprintf("file has %d bytes, the limit is %d", len(data), maxFile), Hint: "split it"}}
	}
	f := &File{Name: name, data: data}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, Problems{f.fromYAML(err, nil)}
	}
	f.tree = tree
	if tok := firstAlias(tree); tok != nil {
		return nil, Problems{f.problemAt(tok, "YAML anchors, aliases and tags are not used here", "write the value out")}
	}
	return f, nil
}

func firstAlias(tree *ast.File) *token.Token {
	var v aliasFinder
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			ast.Walk(&v, doc.Body)
		}
	}
	return v.found
}

type aliasFinder struct{ found *token.Token }

func (v *aliasFinder) Visit(n ast.Node) ast.Visitor {
	switch n.Type() {
	case ast.AnchorType, ast.AliasType, ast.MergeKeyType, ast.TagType: // a tag without a value makes goccy/go-yaml 1.19.2 panic
		if v.found == nil {
			v.found = n.GetToken()
		}
	}
	return v
}

// Problem makes a mistake at a YAML path such as "$.channels[2].baud". A path that the file lacks falls back to its nearest parent.
func (f *File) Problem(path, message, hint string) Problem {
	for path != "" {
		if p, err := yaml.PathString(path); err == nil {
			if node, err := p.FilterFile(f.tree); err == nil && node != nil {
				return f.problemAt(first(node), message, hint)
			}
		}
		cut := max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['))
		if cut <= 0 {
			break
		}
		path = path[:cut]
	}
	return Problem{File: f.Name, Message: message, Hint: hint}
}

// first is the token where a reader starts reading the node: a mapping's own token is the colon of its first pair.
func first(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return first(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return first(n.Key)
	}
	return n.GetToken()
}

func (f *File) problemAt(tok *token.Token, message, hint string) Problem {
	p := Problem{File: f.Name, Message: message, Hint: hint}
	if tok != nil && tok.Position != nil {
		p.Line, p.Col = tok.Position.Line, tok.Position.Column
		p.Source = f.line(p.Line)
	}
	return p
}

func (f *File) line(n int) string {
	lines := bytes.Split(f.data, []byte("\n"))
	if n < 1 || n > len(lines) {
		return ""
	}
	return strings.TrimRight(string(lines[n-1]), "\r")
}
