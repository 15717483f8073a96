package config

import (
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// ChannelKind is the kind and model of a channel among the devices.
const ChannelKind = "channel"

// ChannelDevices are the channels as devices, so that rules can tell a dead line from dead devices. A channel with one device
// is not among them: the two cannot be told apart.
func (s *Site) ChannelDevices() []device.Device {
	var all []device.Device
	for _, c := range s.Channels {
		if len(c.Devices) < 2 {
			continue
		}
		all = append(all, device.Device{ID: c.ID, Name: c.ID, Kind: ChannelKind, Model: ChannelKind, Channel: c.ID,
			Poll: HealthEvery, Points: channelPoints(c.ID)})
	}
	return all
}

// Subjects are what the rules judge: the devices, and the channels as devices.
func (s *Site) Subjects() []device.Device { return append(s.Devices(), s.ChannelDevices()...) }

// channelPoints are the points that the gateway reports about a channel: whether its line is open, how many devices it has, and how many
// of them answer.
func channelPoints(id string) []device.Point {
	return []device.Point{
		{Device: id, Name: "up", Labels: map[int64]string{0: "断开", 1: "接通"}, LabelsEN: map[int64]string{0: "down", 1: "up"}}, {Device: id, Name: "answering"}, {Device: id, Name: "devices"},
	}
}

// addChannels tells the cloud of the channels.
func (s *Site) addChannels(inv *wire.Inventory) {
	channels := s.ChannelDevices()
	for _, d := range channels {
		inv.Devices = append(inv.Devices, &wire.Device{Id: d.ID, Name: d.Name, Kind: d.Kind, Model: d.Model, Channel: d.Channel, PollMs: uint32(d.Poll.Milliseconds())})
	}
	if len(channels) > 0 {
		inv.Models = append(inv.Models, &wire.Model{Name: ChannelKind, Points: wirePoints(channels[0].Points)})
	}
}

// checkChannelIDs refuses a channel with the id of a device: an alert of the one would be told as the other's.
func (l *loader) checkChannelIDs(devices map[string]string) {
	for i, c := range l.raw.Channels {
		if at, taken := devices[c.ID]; taken {
			here, other := index("$.channels", i)+".id", at
			if l.fromFragment(at) { // the newcomer gives way
				here, other = at, here
			}
			l.add(here, l.say("总线 %s 与设备同名（%s）", "channel %s has the id of a device (%s)", c.ID, l.lineOf(other, here)),
				l.say("id 在一个小区内唯一", "an id is unique in a site"))
		}
	}
}
