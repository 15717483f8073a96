package notify

import "fmt"

// style is how a message is marked up: that of a kind of receiver, or none.
type style string

const unmarked style = ""

// style of a message for people. WeCom calls people by phone number in plain text alone.
func (s *sender) style(people []Person) style {
	if s.receiver.Kind == WeCom && len(mobilesOf(people)) > 0 {
		return unmarked
	}
	return style(s.receiver.Kind)
}

// WeCom's limits in bytes, the smallest of all.
const (
	maxMarkdown = 4096
	maxText     = 2048
)

// most is how long a message may be, in bytes.
func (w style) most() int {
	if w == unmarked {
		return maxText
	}
	return maxMarkdown
}

// head marks the begin of a message, each kind of receiver in its own way; color is one of WeCom's, or none.
func (w style) head(color, text string) string {
	switch {
	case w == WeCom && color != "":
		return fmt.Sprintf("<font color=\"%s\">%s</font>", color, text)
	case w == WeCom || w == DingTalk:
		return "**" + text + "**"
	}
	return text
}

func (w style) link(label, address string) string {
	if w == WeCom || w == DingTalk {
		return "[" + label + "](" + address + ")"
	}
	return label + ": " + address
}

func (w style) item() string {
	switch w {
	case WeCom:
		return "> "
	case DingTalk:
		return "- "
	}
	return ""
}

// newline ends a line; DingTalk's markdown runs lines together that no empty one divides.
func (w style) newline() string {
	if w == DingTalk {
		return "\n\n"
	}
	return "\n"
}
