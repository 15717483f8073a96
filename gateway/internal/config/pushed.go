package config

import (
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/pushed"
)

// CheckPushed is Load as it would be with what the cloud wants pushed. Mistakes of a part are told under its name. Devices that a
// line cannot carry beside those it has are a mistake.
func CheckPushed(file string, lang Language, set *pushed.Set) (*Site, configs.Problems) {
	overlay := map[string][]byte{}
	for name, data := range set.Of(pushed.Devices) {
		if overlay[name] = data; len(data) == 0 {
			overlay[name] = nil // there is no such file
		}
	}
	r := hide(check(file, lang, ways{overlay: overlay, set: set, asked: true}))
	return r.Site, r.Problems
}

// push reads what the cloud has pushed, unless it is said or left out.
func (l *loader) push() {
	if !l.asked && !l.unpushed {
		k, err := pushed.Load(l.path(dataFolder(l.raw.Data)))
		if err != nil {
			l.warn("$.data", l.say("云端推送的配置读不出来，用本机文件：%v", "what the cloud has pushed cannot be read, the site's own files count: %v", err), "")
		}
		l.set = k.Current
	}
	if l.set == nil {
		return
	}
	dir := includeDir(l.dir, l.raw.Include)
	for name, data := range l.set.Of(pushed.Devices) {
		l.parts[filepath.Join(dir, name)] = pushed.Devices + "/" + name
		if _, said := l.overlay[name]; !said {
			l.fromCloud[name] = data
		}
	}
	for name := range l.set.Of(pushed.Rules) {
		l.parts[l.ruleName(name)] = pushed.Rules + "/" + name
	}
	for name := range l.set.Of(pushed.Profiles) {
		l.parts[l.profileName(name)] = pushed.Profiles + "/" + name
	}
	l.pushOverrides()
}

// pushOverrides puts those of the cloud before those of gateway.yaml, rule by rule.
func (l *loader) pushOverrides() {
	data := l.set.Overrides()
	if len(data) == 0 {
		return
	}
	l.hash.Write(data)
	file, err := configs.Parse(pushed.Overrides, data)
	if err != nil {
		l.told = append(l.told, l.translated(err)...)
		return
	}
	all := map[string]rawOverride{}
	if err := file.Decode(&all); err != nil {
		l.told = append(l.told, l.translated(err)...)
	}
	l.cloudOverrides = file
	if l.raw.Overrides == nil {
		l.raw.Overrides = map[string]rawOverride{}
	}
	for id, o := range all {
		l.raw.Overrides[id] = o
		l.overridden[id] = true
	}
}

// atOverride answers where an override stands that the cloud has pushed.
func (l *loader) atOverride(path string) (*configs.File, string, bool) {
	rest, ok := strings.CutPrefix(path, "$.overrides.")
	id, _, _ := strings.Cut(rest, ".")
	if !ok || !l.overridden[id] {
		return nil, "", false
	}
	return l.cloudOverrides, "$." + rest, true
}

// byPart tells mistakes of parts under the names that the cloud knows.
func (l *loader) byPart(problems configs.Problems) configs.Problems {
	for i, p := range problems {
		if part, ok := l.parts[p.File]; ok && l.asked {
			problems[i].File = part
		}
	}
	return problems
}

// layered is a folder of the site under parts of the cloud.
type layered struct {
	below fs.FS
	above map[string][]byte // empty: there is no such file
}

func (l *loader) layered(below fs.FS, folder string) fs.FS {
	above := l.set.Of(folder)
	if below == nil || len(above) == 0 {
		return below
	}
	return layered{below, above}
}

// Open is that of the folder below: what is above is read whole.
func (f layered) Open(name string) (fs.File, error) { return f.below.Open(name) }

// ReadFile reads a file of either layer.
func (f layered) ReadFile(name string) ([]byte, error) {
	data, ours := f.above[name]
	switch {
	case ours && len(data) == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case ours:
		return data, nil
	}
	return fs.ReadFile(f.below, name)
}

// Glob are the files of both layers.
func (f layered) Glob(pattern string) ([]string, error) {
	all, err := fs.Glob(f.below, pattern)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(name string) bool { _, ours := f.above[name]; return ours })
	for _, name := range slices.Sorted(maps.Keys(f.above)) {
		if ok, err := path.Match(pattern, name); err == nil && ok && len(f.above[name]) > 0 {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all, nil
}
