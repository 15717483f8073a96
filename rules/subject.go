package rules

import (
	"cmp"
	"slices"

	"github.com/linshao/linshao/drivers/device"
)

// places are the subjects that are no devices: each zone that has devices, and the site.
func places(devices []device.Device) []device.Device {
	var all []device.Device
	for _, d := range devices {
		if d.Zone != "" && !slices.ContainsFunc(all, func(z device.Device) bool { return z.ID == d.Zone }) {
			all = append(all, device.Device{ID: d.Zone, Kind: kindZone, Zone: d.Zone})
		}
	}
	return append(all, device.Device{ID: kindSite, Kind: kindSite})
}

func isPlace(d device.Device) bool { return d.Kind == kindZone || d.Kind == kindSite }

// peersOf are the devices that a subject's actions may mean: itself and its zone; all of a zone, or of the site.
func peersOf(d device.Device, all []device.Device) []device.Device {
	if d.Kind == kindSite {
		return all
	}
	var peers []device.Device
	for _, peer := range all {
		if peer.ID == d.ID && !isPlace(d) || d.Zone != "" && peer.Zone == d.Zone {
			peers = append(peers, peer)
		}
	}
	return peers
}

// concerns says whether a rule has anything to look at in a subject. A rule about a zone counts over the devices there: where there is
// none of any kind that it counts it would speak of nothing, and all(…) of nothing is true. That a zone has one kind and not
// another is no cause for a warning: zones differ, and the shipped rules are for all of them.
func concerns(s *subject, r *rule, all []device.Device) bool {
	if len(r.uses.groups) == 0 || !isPlace(s.device) {
		return true
	}
	return slices.ContainsFunc(r.uses.groups, func(g *groupSpec) bool {
		where := s.peers
		if g.site {
			where = all
		}
		return slices.ContainsFunc(where, func(d device.Device) bool { return d.Kind == g.kind })
	})
}

// rank is the order in which subjects are judged at a tick: what others give way to comes first.
func rank(s *subject) int {
	return slices.Index([]string{kindChannel, kindZone, kindSite}, s.device.Kind)
}

// link joins the subjects: alerts with those they give way to, and orders that pick with the sockets that they pick from.
func (e *Engine) link() {
	slices.SortStableFunc(e.subjects, func(a, b *subject) int { return cmp.Compare(rank(b), rank(a)) })
	subjects := e.byID()
	for _, s := range e.subjects {
		for _, a := range s.alerts {
			a.betters = subjects.betters(s, a.rule)
			for _, better := range a.betters {
				if slices.Contains(s.alerts, better) {
					a.mask |= better.mask
				}
			}
			for _, orders := range a.orders {
				for i := range orders {
					for _, w := range orders[i].targets {
						orders[i].sockets = append(orders[i].sockets, subjects[w.Device])
					}
				}
			}
		}
	}
}

// A roster finds subjects. A device is there under its id; a zone and the site, whose ids are names of another sort, under kind and id.
type roster map[string]*subject

func (s *subject) key() string {
	if isPlace(s.device) {
		return s.device.Kind + "\x00" + s.device.ID
	}
	return s.device.ID
}

func (e *Engine) byID() roster {
	all := make(roster, len(e.subjects))
	for _, s := range e.subjects {
		all[s.key()] = s
	}
	return all
}

// alert is the one of a rule for the subject that an event names; nil when there is none. A rule judges one kind, so that it is clear
// which of two subjects of one name is meant.
func (r roster) alert(id, rule string) (*subject, *alert) {
	for _, key := range []string{id, kindZone + "\x00" + id, kindSite + "\x00" + id} {
		if a := r[key].alert(rule); a != nil {
			return r[key], a
		}
	}
	return nil, nil
}

// betters are the alerts that a rule's alert for a subject gives way to: the subject's own, and its channel's, zone's and site's.
func (r roster) betters(s *subject, rule *rule) []*alert {
	if len(rule.text.Unless) == 0 {
		return nil
	}
	above := []*subject{s, r[kindSite+"\x00"+kindSite]}
	if s.device.Zone != "" {
		above = append(above, r[kindZone+"\x00"+s.device.Zone])
	}
	if c := r[s.device.Channel]; c != nil && c.device.Kind == kindChannel {
		above = append(above, c)
	}
	var all []*alert
	for _, id := range rule.text.Unless {
		for _, who := range above {
			if a := who.alert(id); a != nil && !slices.Contains(all, a) && rule.givesWay(a.rule) {
				all = append(all, a)
			}
		}
	}
	return all
}

// where is the subject's place in a message: of a zone that of its first device that has one, as the cloud shows it.
func (s *subject) where(lang language) string {
	if s.device.Kind == kindZone {
		for _, d := range s.peers {
			if d.Place != "" {
				return d.Place
			}
		}
	}
	if s.device.Place != "" {
		return s.device.Place
	}
	return s.called(lang)
}

// called is the subject's name in a message.
func (s *subject) called(lang language) string {
	if s.device.Kind != kindSite {
		return s.name()
	}
	return [...]string{zh: "本小区", en: "this site"}[lang]
}
