package update

import (
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/wire/program"
)

// startsMost is how often a trial is started.
const startsMost = 3

// A Choice is the program that is to run.
type Choice struct {
	Path    string // empty: the installed one
	Slot    string
	Version string
}

// Choose decides which program runs, and counts the start of a trial. The installed program asks at each start, before anything
// else, with its own version. An error tells what the disk did not take; the choice is good all the same.
func (s *Slots) Choose(installed string) (c Choice, err error) {
	err = s.alone(func() error {
		k := s.load()
		slot := s.current()
		if k.Trial != nil && k.Trial.Slot != slot { // the power went while it was brought, or while it was taken back
			if err := s.settle(&k, slot); err != nil {
				return s.choose(&c, slot, err)
			}
		}
		if slot == Installed {
			return nil
		}
		m, err := s.whole(slot)
		var over *Text
		switch {
		case err != nil:
			over = &Text{ZH: "程序已损坏", EN: "the program is damaged: " + err.Error()}
		case installed != k.Installed && k.Installed != "" && Compare(installed, m.Version) > 0:
			return s.choose(&c, Installed, s.supersede(k, installed, m.Version))
		case k.Trial != nil && k.Trial.Over != nil:
			over = k.Trial.Over
		case k.Trial != nil && k.Trial.Starts >= startsMost:
			over = &Text{ZH: fmt.Sprintf("启动了 %d 次都没有确认", startsMost), EN: fmt.Sprintf("it was started %d times and never confirmed", startsMost)}
		}
		if over != nil {
			to, err := s.back(k, slot, *over)
			return s.choose(&c, to, err)
		}
		if k.Trial != nil {
			k.Trial.Starts++
			if err := s.keep(k); err != nil { // a start that is not counted is none: it might be the hundredth
				return s.choose(&c, s.target(k, slot), err)
			}
		}
		c = Choice{Path: s.program(slot), Slot: slot, Version: m.Version}
		return nil
	})
	if errors.Is(err, errLock) {
		k, slot := s.load(), s.current()
		if k.Trial != nil && k.Trial.Slot == slot { // its start cannot be counted
			slot = s.target(k, slot)
		}
		err = s.choose(&c, slot, err)
	}
	return c, err
}

// choose answers a slot when it is whole, and the installed program otherwise.
func (s *Slots) choose(c *Choice, slot string, err error) error {
	*c = Choice{}
	if slot == Installed {
		return err
	}
	m, broken := s.whole(slot)
	if broken == nil {
		*c = Choice{Path: s.program(slot), Slot: slot, Version: m.Version}
	}
	return errors.Join(err, broken)
}

// settle ends what a power cut interrupted: a trial of a slot that does not count.
func (s *Slots) settle(k *kept, slot string) error {
	t := k.Trial
	k.Trial = nil
	if t.Starts == 0 && t.Over == nil { // it never began
		return s.keep(*k)
	}
	why := Text{ZH: "已回退", EN: "it was taken back"}
	if t.Over != nil {
		why = *t.Over
	}
	k.Last, k.Before = &Outcome{What: RolledBack, Version: t.Version, Revision: t.Revision, To: slot, Why: why}, ""
	return errors.Join(s.drop(t.Slot), s.keep(*k))
}

// target is what counts when a slot is given up: the one before it, or else the installed program.
func (s *Slots) target(k kept, slot string) string {
	if k.Before != Installed && k.Before != slot {
		if _, err := s.whole(k.Before); err == nil {
			return k.Before
		}
	}
	return Installed
}

// back gives a slot up. What is decided is on the disk first, so that a power cut in the midst of it changes nothing of it.
func (s *Slots) back(k kept, slot string, why Text) (to string, err error) {
	to = s.target(k, slot)
	if k.Trial == nil {
		m, _ := s.whole(slot) // one that is damaged has no version
		k.Trial = &Trial{Slot: slot, Version: m.Version}
	}
	k.Trial.Over = &why
	if err := s.keep(k); err != nil {
		return to, err
	}
	if err := s.point(to); err != nil {
		return to, err
	}
	return to, s.settle(&k, to)
}

// supersede lets the installed program count because it is newer than all slots.
func (s *Slots) supersede(k kept, installed, version string) error {
	if err := s.point(Installed); err != nil {
		return err
	}
	var revision uint64
	if k.Trial != nil {
		revision = k.Trial.Revision
	}
	k.Trial, k.Before, k.Installed = nil, "", installed
	k.Last = &Outcome{What: Superseded, Version: version, Revision: revision, Why: Text{ZH: "安装了更新的版本 " + installed, EN: "the newer version " + installed + " was installed"}}
	return s.keep(k)
}

// Back gives the slot up that counts now, from the next start on: by hand, or because the kernel would not start its program. It
// answers what counts instead, and a *Refused when the installed program does already.
func (s *Slots) Back(why Text) (to string, err error) {
	err = s.alone(func() error {
		slot := s.current()
		if slot == Installed {
			return program.Refuse("现在用的就是安装的程序，没有可回退的", "the installed program is the present one: there is nothing to go back to")
		}
		to, err = s.back(s.load(), slot, why)
		return err
	})
	return to, err
}
