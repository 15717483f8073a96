package app

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// A Span is a length of time as people write it: "-7h30m", "1500ms".
type Span time.Duration

// UnmarshalYAML reads a span; a mistake keeps its place in the file.
func (s *Span) UnmarshalYAML(n ast.Node) error {
	text, ok := n.(*ast.StringNode)
	if !ok {
		if n, isNumber := n.(*ast.IntegerNode); isNumber && n.Token.Value == "0" {
			*s = 0
			return nil
		}
		return &yaml.SyntaxError{Message: fmt.Sprintf("%s is no length of time: write 1500ms, 2h or -7h30m", n), Token: n.GetToken()}
	}
	if err := s.UnmarshalText([]byte(text.Value)); err != nil {
		return &yaml.SyntaxError{Message: err.Error(), Token: n.GetToken()}
	}
	return nil
}

// UnmarshalText reads a span from JSON.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no length of time: write 1500ms, 2h or -7h30m", text)
	}
	*s = Span(d)
	return nil
}

// MarshalText writes a span.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }
