// Package claim writes found devices into the folder of fragments beside gateway.yaml, changes the address of a meter that was
// replaced, and takes both back. `gateway claim` and the gateway's commissioning pages use it.
//
// It promises: gateway.yaml is never touched; nothing is written that the whole configuration would not accept; one claim is one
// file, which is there as a whole or not at all; what somebody else wrote is not changed.
package claim

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/rules"
)

// A Site is whose devices are claimed.
type Site struct {
	File string          // gateway.yaml
	Lang config.Language // of names that are proposed, and of mistakes
}

// A Result is what was done.
type Result struct {
	Channel string   `json:"channel"`
	IDs     []string `json:"devices"`
	Names   []string `json:"names"`
	Written string   `json:"written,omitempty"` // the fragment
	Removed string   `json:"removed,omitempty"`
}

// A Refused says in people's words why nothing was done; mistakes of the configuration are configs.Problems instead.
type Refused struct{ Text rules.Text }

// Error is the English sentence.
func (r *Refused) Error() string { return r.Text.EN }

func refused(zh, en string, args ...any) error {
	return &Refused{rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}}
}

// mark begins every file that this package writes, and no other is changed by it.
const (
	prefix = "claimed-"
	mark   = "# 由 gateway claim 写入，可手工修改；撤销：gateway unclaim ID。Written by gateway claim; gateway unclaim ID takes it back.\n"
)

// Claim adds devices to a channel. Ids and names that are empty are proposed. from is what mistakes call the devices' file; empty: the
// fragment that was to be written.
func (s Site) Claim(f config.Fragment, from string) (Result, error) {
	return s.locked(func(dir string) (Result, error) {
		if len(f.Devices) == 0 {
			return Result{}, refused("片段里没有设备：选好型号，去掉那一行的 #，再认领", "there is no device in the fragment: choose a model, remove the # of its line, and claim again")
		}
		if err := s.sound(); err != nil {
			return Result{}, err
		}
		name := s.freeName(dir, f)
		f.Devices = slices.Clone(f.Devices)
		if err := s.propose(dir, name, from, &f); err != nil {
			return Result{}, s.taken(f, err)
		}
		r, err := s.write(dir, name, from, f)
		return r, s.taken(f, err)
	})
}

// taken says of a refusal that an address has its device already, and what can be done.
func (s Site) taken(f config.Fragment, err error) error {
	var problems configs.Problems
	if !errors.As(err, &problems) {
		return err
	}
	same := func(a, b string) bool { return strings.TrimLeft(a, "0") == strings.TrimLeft(b, "0") }
	for _, p := range config.Entries(s.File) {
		for _, e := range f.Devices {
			if p.Channel == f.Channel && same(p.Entry.Address, e.Address) {
				return refused("总线 %[1]s 的地址 %[2]s 已是 %[3]s（%[4]s）。\n换了表或换了型号：gateway claim --replace %[3]s --addr %[2]s --profile %[5]s",
					"address %[2]s of channel %[1]s is %[3]s already (%[4]s).\nIf it was exchanged: gateway claim --replace %[3]s --addr %[2]s --profile %[5]s", f.Channel, e.Address, p.Entry.ID, p.File, e.Profile)
			}
		}
	}
	return err
}

// Replace gives a device another address, and another profile or channel where they are not empty: it keeps its id, and with it its history.
func (s Site) Replace(id, address, profile, channel string) (Result, error) {
	return s.locked(func(dir string) (Result, error) {
		if err := s.sound(); err != nil {
			return Result{}, err
		}
		at, err := s.find(id)
		if err != nil {
			return Result{}, err
		}
		entry := at.Entry
		if entry.Address = address; profile != "" {
			entry.Profile = profile
		}
		if address == at.Entry.Address && entry.Profile == at.Entry.Profile && (channel == "" || channel == at.Channel) {
			return Result{}, refused("%s 已经是地址 %s，没有改动", "%s has address %s already: nothing changes", id, address)
		}
		if channel == "" {
			channel = at.Channel
		}
		if old, ours := s.ours(at.File); ours && old.Channel == channel {
			i := slices.IndexFunc(old.Devices, func(e config.Entry) bool { return e.ID == id })
			old.Devices[i] = entry
			return s.write(dir, filepath.Base(at.File), "", old)
		}
		f := config.Fragment{Channel: channel, Replaces: []string{id}, Devices: []config.Entry{entry}}
		return s.write(dir, s.freeName(dir, f), "", f)
	})
}

// Unclaim takes a device out that was claimed. The fragment goes with its last device.
func (s Site) Unclaim(id string) (Result, error) {
	return s.locked(func(dir string) (Result, error) {
		at, err := s.find(id)
		if err != nil {
			return Result{}, err
		}
		f, ours := s.ours(at.File)
		if !ours {
			return Result{}, refused("设备 %s 写在 %s 里，不是 gateway claim 写的：请手工修改", "device %s stands in %s, which gateway claim did not write: edit it by hand", id, at.File)
		}
		name := filepath.Base(at.File)
		before := map[string]bool{}
		for _, p := range config.Check(s.File, s.Lang).Problems.Fatal() {
			before[p.Message] = true
		}
		f.Devices = slices.DeleteFunc(f.Devices, func(e config.Entry) bool { return e.ID == id })
		f.Replaces = slices.DeleteFunc(f.Replaces, func(r string) bool { return r == id })
		var text []byte
		if len(f.Devices) > 0 {
			text = append([]byte(mark), f.Text()...)
		}
		_, problems := config.LoadWith(s.File, s.Lang, map[string][]byte{name: text})
		if fresh := slices.DeleteFunc(problems.Fatal(), func(p configs.Problem) bool { return before[p.Message] }); len(fresh) > 0 {
			return Result{}, fresh
		}
		r := Result{Channel: f.Channel, IDs: []string{id}, Names: []string{at.Entry.Name}}
		if text != nil {
			r.Written = at.File
			return r, save(filepath.Join(dir, name), text)
		}
		r.Removed = at.File
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return Result{}, fmt.Errorf("remove fragment: %w", err)
		}
		return r, syncDir(dir)
	})
}

// sound refuses to add to a configuration that has mistakes already.
func (s Site) sound() error {
	if problems := config.Check(s.File, s.Lang).Problems.Fatal(); problems != nil {
		return problems
	}
	return nil
}

// find is the entry of an id.
func (s Site) find(id string) (config.Placed, error) {
	var ids []string
	for _, p := range config.Entries(s.File) {
		if p.Entry.ID == id {
			return p, nil
		}
		ids = append(ids, p.Entry.ID)
	}
	if near := configs.Nearest(id, ids); near != "" {
		return config.Placed{}, refused("没有设备 %s，是不是 %s？", "there is no device %s (did you mean %s?)", id, near)
	}
	return config.Placed{}, refused("没有设备 %s", "there is no device %s", id)
}

// ours reads a fragment that this package wrote.
func (s Site) ours(file string) (config.Fragment, bool) {
	data, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(filepath.Base(file), prefix) || !bytes.HasPrefix(data, []byte(mark)) {
		return config.Fragment{}, false
	}
	f, problems := config.ParseFragment(file, data, s.Lang)
	return f, problems == nil
}

// write writes a fragment that the whole configuration accepts.
func (s Site) write(dir, name, from string, f config.Fragment) (Result, error) {
	text := append([]byte(mark), f.Text()...)
	if _, err := s.try(dir, name, from, text); err != nil {
		return Result{}, err
	}
	r := Result{Channel: f.Channel, Written: filepath.Join(dir, name)}
	for _, e := range f.Devices {
		r.IDs, r.Names = append(r.IDs, e.ID), append(r.Names, e.Name)
	}
	return r, save(r.Written, text)
}

// try loads the configuration as it would be.
func (s Site) try(dir, name, from string, text []byte) (*config.Site, error) {
	site, problems := config.LoadWith(s.File, s.Lang, map[string][]byte{name: text})
	if site != nil {
		return site, nil
	}
	fatal := problems.Fatal()
	for i, p := range fatal {
		if from != "" && p.File == filepath.Join(dir, name) {
			fatal[i].File = from
		}
	}
	return nil, fatal
}

// freeName is the name of the file for a fragment.
func (s Site) freeName(dir string, f config.Fragment) string {
	word := func(text string, most int) string {
		clean := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
				return r
			}
			return '-'
		}, text)
		return clean[:min(len(clean), most)]
	}
	base := prefix + word(f.Channel, 40) + "-" + word(f.Devices[0].Address, 60)
	for n, name := 2, base+".yaml"; ; n++ {
		if _, err := os.Lstat(filepath.Join(dir, name)); errors.Is(err, os.ErrNotExist) || n > 1000 {
			return name
		}
		name = fmt.Sprintf("%s-%d.yaml", base, n)
	}
}

// locked runs f while no other claim does. The lock goes with the process, however it ends.
func (s Site) locked(f func(dir string) (Result, error)) (Result, error) {
	dir := config.IncludeDir(s.File)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Result{}, fmt.Errorf("make folder of fragments: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return Result{}, fmt.Errorf("open folder of fragments: %w", err)
	}
	defer func() { _ = d.Close() }() // it was only read
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		return Result{}, fmt.Errorf("lock folder of fragments: %w", err)
	}
	return f(dir)
}

// save replaces a file: its content is on disk before it takes the name, and the name before save returns. Others may read it: the
// gateway may be another user than the one who claims.
func save(file string, data []byte) error {
	tmp := file + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("create fragment: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write fragment: %w", err), os.Remove(tmp))
	}
	return syncDir(filepath.Dir(file))
}

// syncDir brings names to the disk, that of the folder itself among them.
func syncDir(dir string) error {
	for _, name := range []string{dir, filepath.Dir(dir)} {
		d, err := os.Open(name)
		if err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
		if err != nil {
			return fmt.Errorf("sync folder of fragments: %w", err)
		}
	}
	return nil
}
