package rulebook

import (
	"path"
	"slices"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// Place answers the file with which a gateway takes a draft of one shipped rule, and its name among the parts that are pushed: all
// rules of that file as wanted has them already, else as they were shipped, with the draft in its place. A gateway reads a pushed
// file instead of its own of that name, so it must be whole. False when the draft is not good, or holds anything but that rule.
func (b *Book) Place(d Draft, id string, wanted map[string]string) (name, text string, ok bool) {
	_, file := b.text(id)
	if !d.Good() || file == "" || !slices.Equal(d.IDs, []string{id}) {
		return "", "", false
	}
	name = "rules/" + file
	base := wanted[name]
	if !holds(base, file, id) {
		data, err := configs.FS.ReadFile(path.Join("rules", file))
		if err != nil {
			return "", "", false
		}
		base = string(data)
	}
	head, _, _ := strings.Cut(base, "\nrules:")
	var out strings.Builder
	if strings.HasPrefix(head, "#") {
		out.WriteString(head + "\n")
	}
	out.WriteString("rules:\n")
	draft := rules.Excerpts([]rules.Source{{Name: draftName, Data: []byte(d.file)}})
	for _, e := range rules.Excerpts([]rules.Source{{Name: file, Data: []byte(base)}}) {
		if e.ID == id && len(draft) == 1 {
			e = draft[0]
		}
		for line := range strings.Lines(e.Text) {
			out.WriteString("  " + line)
		}
	}
	return name, out.String(), true
}

func holds(text, file, id string) bool {
	return slices.ContainsFunc(rules.Excerpts([]rules.Source{{Name: file, Data: []byte(text)}}), func(e rules.Excerpt) bool { return e.ID == id })
}
