package app

import (
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// A line is a channel as a device among the others: whether it is open, how many devices it has, and how many of them answer.
type line struct {
	device device.Device
	up     func() bool

	mu     sync.Mutex
	online map[string]answer // of every device of the channel
	told   [2]float64        // up and answering, as last reported
}

// answer is whether a device answers: nothing is known of it before it was tried.
type answer uint8

const (
	untried answer = iota
	silent
	answering
)

func linesOf(site *config.Site, pollers []*poll.Poller) []*line {
	var lines []*line
	for _, d := range site.ChannelDevices() {
		for i, c := range site.Channels {
			if c.ID != d.ID {
				continue
			}
			l := &line{device: d, up: func() bool { return pollers[i].Stats().Up }, online: map[string]answer{}}
			for _, member := range c.Devices {
				l.online[member.ID] = untried
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// changed takes what a poller found out about a device.
func (l *line) changed(c poll.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, mine := l.online[c.Device]; !mine {
		return
	}
	l.online[c.Device] = silent
	if c.Online {
		l.online[c.Device] = answering
	}
}

// readings are those of the channel; nil when they are as last told and need not be told again. While a device was not tried
// yet, it cannot be said how many answer.
func (l *line) readings(now time.Time, again bool) []device.Reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := map[answer]int{}
	for _, s := range l.online {
		count[s]++
	}
	up := 0.0
	if l.up() {
		up = 1
	}
	values := map[string]float64{"up": up, "answering": float64(count[answering]), "devices": float64(len(l.online))}
	tried, known := count[untried] < len(l.online), count[untried] == 0
	if seen := [2]float64{up, values["answering"]}; again || tried && seen != l.told {
		l.told = seen
	} else {
		return nil
	}
	var rs []device.Reading
	for _, p := range l.device.Points {
		if p.Name == "devices" || p.Name == "up" && tried || p.Name == "answering" && known {
			rs = append(rs, device.Judge(p, values[p.Name], now))
		} else {
			rs = append(rs, device.BadReading(p, device.NotRead, now))
		}
	}
	return rs
}
