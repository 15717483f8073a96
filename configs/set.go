package configs

import (
	"bytes"
	"regexp"
	"strings"
)

// Set gives a key of a section of a YAML file a value and leaves everything else as it stands, remarks too. ok is false where the
// section is written in a way that this does not understand; nothing is changed then. Whoever uses it reads the result again before
// it counts.
func Set(text []byte, section, key, value string) (out []byte, ok bool) {
	lines := strings.SplitAfter(string(text), "\n")
	at := -1
	for i, line := range lines {
		if strings.HasPrefix(line, section+":") {
			at = i
			break
		}
	}
	if at < 0 {
		text = bytes.TrimRight(text, "\n")
		return append(text, []byte("\n\n"+section+":\n  "+key+": "+value+"\n")...), true
	}
	rest, _, _ := strings.Cut(strings.TrimPrefix(lines[at], section+":"), " #")
	switch rest = strings.TrimSpace(rest); {
	case strings.HasPrefix(rest, "{") && strings.HasSuffix(rest, "}"):
		if strings.Contains(rest, key+":") {
			return text, false
		}
		comma := ", "
		if strings.TrimSpace(rest[1:len(rest)-1]) == "" {
			comma = ""
		}
		lines[at] = strings.Replace(lines[at], "{", "{"+key+": "+value+comma, 1)
	case rest != "":
		return text, false
	default:
		lines = setBelow(lines, at, key, value)
	}
	return []byte(strings.Join(lines, "")), true
}

var child = regexp.MustCompile(`^( +)([A-Za-z_]+):([^#\n]*)(#.*)?`)

// setBelow changes or adds a line below a section's own.
func setBelow(lines []string, section int, key, value string) []string {
	indent := "  "
	for i := section + 1; i < len(lines); i++ {
		if line := lines[i]; strings.TrimSpace(line) != "" && line[0] != ' ' && line[0] != '#' {
			break // the next section
		}
		m := child.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		if i == section+1 || len(m[1]) < len(indent) || indent == "  " {
			indent = m[1]
		}
		if m[2] == key {
			remark := ""
			if m[4] != "" {
				remark = "  " + m[4]
			}
			lines[i] = m[1] + key + ": " + value + remark + "\n"
			return lines
		}
	}
	if !strings.HasSuffix(lines[section], "\n") {
		lines[section] += "\n"
	}
	lines[section] += indent + key + ": " + value + "\n"
	return lines
}
