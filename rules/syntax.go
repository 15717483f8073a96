package rules

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// maxExpr bounds an expression: the parser recurses once per bracket.
const maxExpr = 2000

// An exprError is one mistake in an expression, at a rune of its text.
type exprError struct {
	at            int // rune offset
	message, hint string
}

// A syntax is a parsed expression: expr-lang's tree, and the durations that stand in it under other names.
type syntax struct {
	root      ast.Node
	durations map[int]float64 // rune offset → seconds
}

// parse reads an expression. expr-lang has no durations: "15s" is handed to it as the name "_5s", which keeps every
// position, and is known again by its place.
func parse(text string) (syntax, *exprError) {
	if len(text) > maxExpr {
		return syntax{}, &exprError{0, fmt.Sprintf("expression has %d bytes, the limit is %d", len(text), maxExpr), "split the rule"}
	}
	runes, durations := hideDurations([]rune(text))
	c := conf.CreateNew()
	c.MaxNodes, c.DisableIfOperator = 500, true
	c.Functions = conf.FunctionsTable{} // ours, where expr-lang has others of the same name
	for _, name := range functionNames() {
		c.Functions[name] = nil
	}
	tree, err := parser.ParseWithConfig(string(runes), c)
	if err != nil {
		var fe *file.Error
		if errors.As(err, &fe) && strings.Contains(fe.Message, "EOF") {
			return syntax{}, &exprError{len(runes), "the expression ends too early", ""}
		}
		if fe != nil {
			return syntax{}, &exprError{min(max(fe.From, 0), len(runes)), fe.Message, ""}
		}
		return syntax{}, &exprError{0, err.Error(), ""}
	}
	return syntax{tree.Node, durations}, nil
}

// hideDurations replaces the first digit of each duration by "_" and remembers where it was.
func hideDurations(runes []rune) ([]rune, map[int]float64) {
	durations := map[int]float64{}
	for i := 0; i < len(runes); {
		if !isWord(runes[i]) {
			i++
			continue
		}
		end := i
		for end < len(runes) && isWord(runes[end]) {
			end++
		}
		if runes[i] >= '0' && runes[i] <= '9' {
			if d, err := parseDuration(string(runes[i:end])); err == nil && end-i > 1 {
				durations[i] = d.Seconds()
				for j := i; j < end; j++ { // "1.5h" holds a dot, which is no part of a name
					if runes[j] == '.' || j == i {
						runes[j] = '_'
					}
				}
			}
		}
		i = end
	}
	return runes, durations
}

func isWord(r rune) bool {
	return r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
}
