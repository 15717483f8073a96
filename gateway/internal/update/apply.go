package update

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/linshao/linshao/cloud/wire/program"
)

// spare stays free on the disk beyond the program itself, in bytes: readings and events are not to lose theirs.
const spare = 16 << 20

// incoming is the program of an update while it is unpacked.
const incoming = "incoming"

// Options of Apply.
type Options struct {
	Installed string // version of the installed program; empty: as it was at the last update, of a program that runs in a slot
	Downgrade bool   // older versions are taken too
	Offline   bool   // the gateway has no connection to the cloud now
	Revision  uint64 // of the rollout that brings it; 0: a person does
	WatchS    uint32 // for how long on end it must be well, in seconds; 0: Healthy
}

// Apply brings an update into the slot that does not count, and lets it count as a trial from the next start on. It answers a
// *Refused when the update is not taken: nothing has changed then. After another error what counts is what counted before.
func (s *Slots) Apply(r io.Reader, o Options) (m Manifest, err error) {
	err = s.alone(func() error {
		var signed []byte
		if m, signed, err = program.ReadHead(r, s.key); err != nil {
			return err
		}
		k := s.load()
		if o.Installed == "" {
			o.Installed = k.Installed
		}
		now := s.current()
		if err := errors.Join(s.admit(m, k, o), s.room(m.Size)); err != nil {
			return err
		}
		if err := s.unpack(r, m); err != nil {
			return errors.Join(err, s.clear())
		}
		slot := other(now)
		if err := s.fill(slot, signed); err != nil {
			return err
		}
		k.Installed, k.Before = o.Installed, now
		k.Trial = &Trial{Slot: slot, Version: m.Version, From: s.version(now, o.Installed), Offline: o.Offline, Revision: o.Revision, WatchS: o.WatchS}
		if err := s.keep(k); err != nil {
			return err
		}
		return s.point(slot) // until here nothing counts: a trial of a slot that does not count is forgotten
	})
	return m, err
}

// version is that of a slot, or of the installed program.
func (s *Slots) version(slot, installed string) string {
	if slot == Installed {
		return installed
	}
	m, err := s.whole(slot)
	if err != nil {
		return installed // the next start finds it damaged
	}
	return m.Version
}

// admit says why an update is not for this gateway, or not while another is on trial.
func (s *Slots) admit(m Manifest, k kept, o Options) error {
	now := s.version(s.current(), o.Installed)
	switch {
	case m.OS != runtime.GOOS || m.Arch != runtime.GOARCH:
		return program.Refuse("更新是给 %s/%s 的，本机是 %s/%s", "the update is for %s/%s, this machine is %s/%s", m.OS, m.Arch, runtime.GOOS, runtime.GOARCH)
	case k.Trial != nil && k.Trial.Slot == s.current():
		return program.NotNow("版本 %s 还在试运行：等它确认，或先 gateway update rollback", "version %s is still on trial: wait until it is confirmed, or gateway update rollback", k.Trial.Version)
	case m.Minimum != "" && Compare(now, m.Minimum) < 0:
		return program.Refuse("要从 %s 或更新的版本升级，现在是 %s", "it may follow version %s and newer ones, this is %s", m.Minimum, now)
	case Compare(m.Version, now) < 0 && !o.Downgrade:
		return program.Refuse("版本 %s 比现在的 %s 旧；确要降级，加 --allow-downgrade", "version %s is older than the present %s; --allow-downgrade takes it all the same", m.Version, now)
	case Compare(m.Version, now) == 0 && !o.Downgrade:
		return program.Refuse("已经是版本 %s", "version %s is the present one", m.Version)
	}
	return nil
}

// room says why the disk does not take so many bytes more.
func (s *Slots) room(size int64) error {
	free, err := s.disk.Free(s.dir)
	if err != nil {
		return fmt.Errorf("ask for free disk: %w", err)
	}
	if free < size+spare {
		return program.NotNow("磁盘空间不够：需要 %d MiB，剩 %d MiB", "the disk has no room: %d MiB are needed, %d MiB are free", (size+spare)>>20, free>>20)
	}
	return nil
}

func errFull() error { return program.NotNow("磁盘写满了", "the disk is full") }

// full says whether a disk took no more.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// unpack puts the program on the disk, outside the slots.
func (s *Slots) unpack(r io.Reader, m Manifest) error {
	f, err := s.disk.Create(s.slot(incoming), 0o700)
	if err != nil {
		return fmt.Errorf("write program: %w", err)
	}
	err = program.Unpack(f, r, m)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if full(err) {
		return errFull()
	}
	return err
}

func (s *Slots) clear() error {
	if err := s.disk.Remove(s.slot(incoming)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove half a program: %w", err)
	}
	return nil
}

// fill gives a slot that does not count the program that was unpacked. In between it holds none: its manifest goes first and comes last.
func (s *Slots) fill(slot string, signed []byte) error {
	if err := s.drop(slot); err != nil {
		return err
	}
	if err := s.disk.Rename(s.slot(incoming), s.program(slot)); err != nil {
		return fmt.Errorf("fill slot %s: %w", slot, err)
	}
	if err := s.sync(s.slot(slot)); err != nil {
		return err
	}
	return s.save(filepath.Join(s.slot(slot), signedFile), signed)
}
