package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// An order is one action of a rung for one subject: what it writes, or from which sockets it chooses when it is given.
type order struct {
	text    actionText
	mode    Mode
	targets []Action
	sockets []*subject // of a pick: where the targets are, one for each
}

// pickNewest is the one way of choosing: the socket whose charge began last.
const pickNewest = "newest"

// orders checks what a rung may write. The table of kinds holds the interlocks, so nothing a file says can lift them.
func (b *builder) orders(path string, texts []actionText) []actionText {
	texts = slices.Clone(texts) // defaults are filled in; the set's own text stays as written
	for i := range texts {
		a, path := &texts[i], fmt.Sprintf("%s.actions[%d]", path, i)
		k, p := b.target(path, &a.Of, &a.Kind, a.Point)
		if k == nil || p == nil {
			continue
		}
		switch {
		case p.command == nil:
			b.fail(path+".point", fmt.Sprintf("no rule may write to %s.%s", k.name, p.name), "")
		case !slices.Contains(p.command, a.Value):
			b.fail(path+".value", fmt.Sprintf("no rule may write %s to %s.%s", formatNumber(a.Value), k.name, p.name), interlock(k.name))
		}
		switch {
		case a.Pick == "":
		case a.Pick != pickNewest:
			b.fail(path+".pick", fmt.Sprintf("pick %q is not known", a.Pick), nearest(a.Pick, []string{pickNewest}))
		case k.name != "socket":
			b.fail(path+".pick", fmt.Sprintf("a %s has no charging session: none of them is the newest", k.name), "kind: socket")
		case a.Of == "self":
			b.fail(path+".pick", "there is nothing to choose: of self is one device", "of: zone")
		}
	}
	return texts
}

// target finds what a rung writes or forbids; nil for what is not there, and that is told.
func (b *builder) target(path string, of, name *string, point string) (*kind, *kindPoint) {
	own := b.rule.kind.name
	switch {
	case own == "site":
		b.oneOf(path+".of", *of, "site")
	case own == "zone":
		b.oneOf(path+".of", *of, "zone")
	default:
		b.oneOf(path+".of", *of, "self", "zone")
	}
	if *of == "self" && *name == "" {
		*name = own
	}
	k := kindNamed(*name)
	if k == nil {
		b.fail(path+".kind", fmt.Sprintf("unknown kind %q", *name), nearest(*name, kindNames()))
		return nil, nil
	}
	if *of == "self" && k.name != own {
		b.fail(path+".kind", fmt.Sprintf("the rule is for a %s, its own device is no %s", own, k.name), "of: zone")
	}
	p := k.point(point)
	if p == nil {
		b.fail(path+".point", fmt.Sprintf("a %s has no point %q", k.name, point), nearest(point, k.pointNames()))
	}
	return k, p
}

func interlock(kind string) string {
	switch kind {
	case "valve":
		return "a gas valve is only reopened by hand, on site"
	case "socket":
		return "a rule switches a socket off, never on"
	case "door":
		return "a rule releases a door, never locks it"
	case "meter":
		return "a rule cuts a feeder, never switches it on"
	case "fan":
		return "a rule starts a fan, never stops it"
	}
	return ""
}

// orders are a rung's actions with their targets. An action that may be commanded and that no device can do is a warning.
func (e *Engine) orders(s *subject, r *rule, g *rung) []order {
	var all []order
	for _, text := range g.actions {
		o := order{text: text, mode: g.mode, targets: s.targets(text)}
		if len(o.targets) == 0 && text.Optional {
			continue // nobody expects it here, so neither a warning nor the message speaks of it
		}
		if len(o.targets) == 0 && g.mode == Armed {
			e.warnNoTarget(s, r, text)
		}
		all = append(all, o)
	}
	return all
}

// mayCommand says whether a site has labelled a device as fit for what rules command it to do; most kinds need no label.
func mayCommand(d device.Device, point string) bool {
	label := kindNamed(d.Kind).point(point).label
	return label == "" || d.Labels[label] == "true"
}

// targets are the writes that an action means for a subject.
func (s *subject) targets(a actionText) []Action {
	var writes []Action
	for _, d := range s.peers {
		if d.Kind != a.Kind || a.Of == "self" && d.ID != s.device.ID || !mayCommand(d, a.Point) {
			continue
		}
		for _, p := range d.Points {
			if p.Name == a.Point && p.Allows(a.Value) {
				writes = append(writes, Action{Device: d.ID, Point: a.Point, Value: a.Value})
			}
		}
	}
	return writes
}

// choose is what an order writes now: all of its targets, or the one that it picks.
func (o *order) choose() []Action {
	if o.text.Pick == "" {
		return o.targets
	}
	newest := -1
	for i, s := range o.sockets {
		if s.sess == nil || !s.sess.Active || s.slots[socketRelay].val == 0 { // NaN is not 0: a socket without relay reading may be on
			continue
		}
		if newest < 0 || s.sess.Begin > o.sockets[newest].sess.Begin {
			newest = i
		}
	}
	if newest < 0 {
		return nil
	}
	return o.targets[newest : newest+1]
}

// told says in words what the orders of an alert do: what is commanded, what would be but may not, and what cannot be done
// because there is no such device. A message never claims an action that was not ordered; one of a pending alert says what will be.
func told(orders []order, pending bool) [2]string {
	return [2]string{zh: toldIn(orders, pending, zh), en: toldIn(orders, pending, en)}
}

func toldIn(orders []order, pending bool, lang language) string {
	var armed, only, missing []string
	for i := range orders {
		o, do := &orders[i], orders[i].text.words(lang)
		switch {
		case len(o.targets) == 0, o.text.Pick != "" && !pending && len(o.choose()) == 0:
			missing = append(missing, do)
		case o.mode == Armed:
			armed = append(armed, do)
		default:
			only = append(only, do)
		}
	}
	phrases := [...]string{"已命令%s", "未自动%s（此规则只通知）", "本区无设备可%s", "持续则将%s"}
	join, and := "、", "，"
	if lang == en {
		phrases = [...]string{"Commanded: %s", "Not done, this rule only notifies: %s", "No device here to %s", "If it lasts: %s"}
		join, and = ", ", "; "
	}
	if pending {
		phrases[0] = phrases[3]
	}
	var parts []string
	for i, list := range [...][]string{armed, only, missing} {
		if len(list) > 0 {
			parts = append(parts, fmt.Sprintf(phrases[i], strings.Join(list, join)))
		}
	}
	return strings.Join(parts, and)
}

// words name an action: "关阀", or in want of a name "valve.open=0".
func (a actionText) words(lang language) string {
	if lang == zh && a.Do.ZH != "" {
		return a.Do.ZH
	}
	if lang == en && a.Do.EN != "" {
		return a.Do.EN
	}
	return a.Kind + "." + a.Point + "=" + strconv.FormatFloat(a.Value, 'g', -1, 64)
}
