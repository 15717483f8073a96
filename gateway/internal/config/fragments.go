package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/pushed"
)

// standardInclude is the folder of fragments, beside gateway.yaml.
const standardInclude = "devices.d"

// An Entry is one device as it stands in gateway.yaml or in a fragment.
type Entry = rawDevice

// A Fragment is one file of the include folder: devices of one channel of gateway.yaml.
type Fragment struct {
	Channel  string   `yaml:"channel"`
	Replaces []string `yaml:"replaces"` // ids of entries of gateway.yaml or of other fragments that no longer count
	Devices  []Entry  `yaml:"devices"`
}

// ways say how a site is read.
type ways struct {
	standIn  bool              // the last good rules may stand in for broken ones
	leaveOut bool              // a broken fragment is left out
	overlay  map[string][]byte // fragments by file name that count instead of what is on the disk; nil content: there is no such file
	strict   bool              // a line that cannot carry its devices is a mistake; otherwise it is a warning
	set      *pushed.Set       // what the cloud has pushed, where it is asked; else the data folder says
	asked    bool              // whether set with it works; otherwise it has worked
	unpushed bool              // what the cloud has pushed is left out
	left     map[string]bool   // fragments that are left out, by the name in messages
}

// included is a fragment that was read.
type included struct {
	file *configs.File
	raw  Fragment
}

// origin is where an entry really stands that was put into gateway.yaml's list of devices.
type origin struct {
	file *configs.File
	path string
}

// IncludeDir is the folder of a gateway.yaml's fragments; the standard one where the file cannot be read.
func IncludeDir(file string) string {
	var raw rawSite
	if data, err := os.ReadFile(file); err == nil {
		if f, err := configs.Parse(file, data); err == nil {
			_ = f.Decode(&raw) // what is wrong is told by Check; what is right has been filled in
		}
	}
	return includeDir(filepath.Dir(file), raw.Include)
}

func includeDir(dir, name string) string {
	if name == "" {
		name = standardInclude
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// include puts the devices of all fragments behind those of gateway.yaml.
func (l *loader) include() {
	dir := includeDir(l.dir, l.raw.Include)
	l.origins = map[string]origin{}
	for _, name := range l.fragmentNames(dir) {
		data, ours := l.overlay[name]
		if cloud, theirs := l.fromCloud[name]; theirs {
			data, ours = cloud, true
		}
		full := filepath.Join(dir, name)
		if l.left[full] || ours && len(data) == 0 {
			continue
		}
		if !ours {
			var err error
			if data, err = os.ReadFile(full); err != nil {
				l.problems = append(l.problems, configs.Problem{File: full, Message: l.say("读不到文件：%v", "cannot be read: %v", unwrapPath(err))})
				continue
			}
		}
		l.hash.Write([]byte(name + "\n"))
		l.hash.Write(data)
		l.fragment(full, data)
	}
	by := map[string]string{}
	for _, f := range l.fragments {
		l.replace(f, by)
	}
}

// fragmentNames are the files of the folder and those that are to be there, in the order of their names.
func (l *loader) fragmentNames(dir string) []string {
	var names []string
	for name := range l.overlay {
		names = append(names, name)
	}
	for name := range l.fromCloud {
		names = append(names, name)
	}
	files, err := os.ReadDir(dir)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || l.raw.Include != "" && len(names) == 0) && !l.left[dir] {
		if p := l.problem("$.include", l.say("读不到文件夹 %s：%v", "folder %s cannot be read: %v", dir, unwrapPath(err)), ""); errors.Is(err, fs.ErrNotExist) {
			p.Warning = true
			l.tell(p)
		} else {
			p.File, p.Line, p.Source = dir, 0, ""
			l.problems = append(l.problems, p)
		}
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".yaml") && !strings.HasPrefix(f.Name(), ".") {
			names = append(names, f.Name())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fragment reads one file and puts its devices behind those of the channel that it names.
func (l *loader) fragment(name string, data []byte) {
	file, err := configs.Parse(name, data)
	if err != nil {
		l.told = append(l.told, l.translated(err)...)
		return
	}
	var raw Fragment
	if err := file.Decode(&raw); err != nil {
		l.told = append(l.told, l.translated(err)...)
	}
	l.adopt(file, raw)
	l.fragments = append(l.fragments, &included{file, raw})
}

// adopt puts a fragment's devices behind those of its channel.
func (l *loader) adopt(file *configs.File, raw Fragment) {
	add := func(path, message, hint string) { l.addIn(file, path, message, hint) }
	at := slices.IndexFunc(l.raw.Channels, func(c rawChannel) bool { return c.ID == raw.Channel })
	switch {
	case raw.Channel == "":
		add("$.channel", l.say("缺 channel", "channel is missing"), l.meant("", l.channelIDs()))
	case at < 0:
		add("$.channel", l.say("没有总线 %q", "there is no channel %q", raw.Channel), l.meant(raw.Channel, l.channelIDs()))
	case len(raw.Devices) == 0:
		p := file.Problem("$.devices", l.say("里面没有设备", "there are no devices in it"), "")
		p.Warning = true
		l.tell(p)
	}
	if at < 0 {
		return
	}
	channel := &l.raw.Channels[at]
	for i, entry := range raw.Devices {
		if l.parts[file.Name] != "" && entry.PasswordFile != "" && !filepath.IsLocal(entry.PasswordFile) {
			add(index("$.devices", i)+".password_file", l.say("云端推送的只能用 gateway.yaml 旁边的文件", "what the cloud pushes may only name files beside gateway.yaml"), "")
			entry.PasswordFile = ""
		}
		l.origins[index(index("$.channels", at)+".devices", len(channel.Devices))] = origin{file, index("$.devices", i)}
		channel.Devices = append(channel.Devices, entry)
	}
}

// addIn tells a mistake of a file, unless it follows from one that was told.
func (l *loader) addIn(file *configs.File, path, message, hint string) {
	if !l.toldOf(file.Name) || !absent(file, path) {
		l.tell(file.Problem(path, message, hint))
	}
}

// replace takes the entries out that a fragment stands for now, wherever they are: their devices keep their ids, and with them their
// history.
func (l *loader) replace(f *included, by map[string]string) {
	for i, id := range f.raw.Replaces {
		path := index("$.replaces", i)
		if other, twice := by[id]; twice {
			l.addIn(f.file, path, l.say("%s 已被替换（%s）", "%s is replaced already (in %s)", id, other), "")
			continue
		}
		by[id] = f.file.Name
		found, known := false, []string{}
		for n, c := range l.raw.Channels {
			for j := range c.Devices {
				d := &c.Devices[j]
				if file, _ := l.at(index(index("$.channels", n)+".devices", j)); file == f.file {
					continue
				}
				known = append(known, d.ID)
				if d.ID == id {
					d.Replaced, found = true, true
				}
			}
		}
		if !found {
			l.addIn(f.file, path, l.say("没有设备 %q 可替换", "there is no device %q to be replaced", id), l.meant(id, known))
		}
	}
}

func (l *loader) channelIDs() []string {
	var ids []string
	for _, c := range l.raw.Channels {
		ids = append(ids, c.ID)
	}
	return ids
}

// at answers the file in which a path of the whole really stands, and its path there.
func (l *loader) at(path string) (*configs.File, string) {
	if file, inFile, ok := l.atOverride(path); ok {
		return file, inFile
	}
	if from := strings.Index(path, ".devices["); from >= 0 {
		if to := strings.IndexByte(path[from:], ']'); to > 0 {
			if o, ok := l.origins[path[:from+to+1]]; ok {
				return o.file, o.path + path[from+to+1:]
			}
		}
	}
	return l.file, path
}

// problem is a mistake at a path of the whole, told where that really stands.
func (l *loader) problem(path, message, hint string) configs.Problem {
	file, inFile := l.at(path)
	return file.Problem(inFile, message, hint)
}

// lineOf says where a path is, as seen from another: the line, and the file where that is another one.
func (l *loader) lineOf(path, from string) string {
	file, inFile := l.at(path)
	line := l.say("第 %d 行", "line %d", file.Problem(inFile, "", "").Line)
	if other, _ := l.at(from); other == file {
		return line
	}
	return file.Name + " " + line
}

// toldOf says whether a file has structural mistakes.
func (l *loader) toldOf(name string) bool {
	return slices.ContainsFunc(l.told, func(p configs.Problem) bool { return p.File == name })
}

// fromFragment says whether an entry stands in a fragment.
func (l *loader) fromFragment(path string) bool {
	file, _ := l.at(path)
	return file != l.file
}

// broken are the mistakes of fragments and of their folder, by file, as far as they are fatal.
func (l *loader) broken(problems configs.Problems) map[string]configs.Problems {
	dir := includeDir(l.dir, l.raw.Include)
	all := map[string]configs.Problems{}
	for _, p := range problems.Fatal() {
		if l.left[p.File] {
			continue
		}
		if p.File == dir || p.File != l.file.Name && filepath.Dir(p.File) == dir {
			all[p.File] = append(all[p.File], p)
		}
	}
	return all
}

// A Placed is an entry and where it stands.
type Placed struct {
	File    string // gateway.yaml or a fragment, as it is called in messages
	Channel string
	Entry   Entry
}

// Entries are the entries of a site's devices that count, of gateway.yaml and of all fragments that can be read, checked or not.
func Entries(file string) []Placed {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	l := newLoader(file, English, ways{})
	if l.file, err = configs.Parse(file, data); err != nil {
		return nil
	}
	_ = l.file.Decode(&l.raw) // what is wrong is told by Check; what is right has been filled in
	l.push()
	l.include()
	var all []Placed
	for i, c := range l.raw.Channels {
		for j, entry := range c.Devices {
			if f, _ := l.at(index(index("$.channels", i)+".devices", j)); !entry.Replaced {
				all = append(all, Placed{f.Name, c.ID, entry})
			}
		}
	}
	return all
}
