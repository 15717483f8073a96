package claim

import (
	"fmt"
	"strings"

	"github.com/linshao/linshao/gateway/internal/config"
)

// propose fills in ids and names that are empty, from what the devices are and where they hang.
func (s Site) propose(dir, name, from string, f *config.Fragment) error {
	taken := map[string]bool{config.GatewayDevice: true}
	for _, p := range config.Entries(s.File) {
		taken[p.Entry.ID] = true
	}
	whole := true
	for _, e := range f.Devices {
		taken[e.ID] = true
		whole = whole && e.ID != "" && e.Name != ""
	}
	if whole {
		return nil
	}
	kinds, zones, err := s.kinds(dir, name, from, *f, taken)
	if err != nil {
		return err
	}
	for i := range f.Devices {
		e := &f.Devices[i]
		kind := kinds[i]
		if e.ID == "" {
			e.ID = free(kind, taken)
			taken[e.ID] = true
		}
		if e.Name == "" {
			where := e.Place
			if where == "" {
				where = zones[e.Zone]
			}
			e.Name = strings.TrimSpace(where + " " + s.title(kind) + number(e.ID))
		}
	}
	return nil
}

// kinds are what the devices are, told by a load under ids that are given back.
func (s Site) kinds(dir, name, from string, f config.Fragment, taken map[string]bool) (kinds []string, zones map[string]string, err error) {
	trial := f
	trial.Devices = append([]config.Entry(nil), f.Devices...)
	ids := make([]string, len(trial.Devices))
	for i := range trial.Devices {
		if trial.Devices[i].ID == "" {
			trial.Devices[i].ID = free("addr-"+digits(trial.Devices[i].Address), taken) // what a mistake calls it
			taken[trial.Devices[i].ID] = true
		}
		ids[i] = trial.Devices[i].ID
	}
	site, err := s.try(dir, name, from, append([]byte(mark), trial.Text()...))
	if err != nil {
		return nil, nil, err
	}
	kinds = make([]string, len(ids))
	for i, id := range ids {
		for _, d := range site.Devices() {
			if d.ID == id || strings.HasPrefix(d.ID, id+".") {
				kinds[i] = d.Kind
			}
		}
	}
	return kinds, site.Zones, nil
}

// free is the first id of a kind that nobody has: meter-1, meter-2, …
func free(kind string, taken map[string]bool) string {
	kind = strings.ReplaceAll(kind, "_", "-")
	for n := 1; ; n++ {
		if id := fmt.Sprintf("%s-%d", kind, n); !taken[id] {
			return id
		}
	}
}

// digits are what an id may hold of an address.
func digits(address string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, address)
}

// number is what an id ends in, so that two devices of a kind at one place have two names.
func number(id string) string {
	if i := strings.LastIndexByte(id, '-'); i > 0 && strings.Trim(id[i+1:], "0123456789") == "" {
		return " " + id[i+1:]
	}
	return ""
}

// title is a kind in the language.
func (s Site) title(kind string) string {
	zh := map[string]string{"socket": "充电桩", "rcd": "漏电保护器", "meter": "电表", "gas": "燃气探测器", "gas_log": "燃气探测器记录", "co": "一氧化碳探测器",
		"valve": "燃气阀", "siren": "声光警报器", "fan": "排风机", "door": "门禁", "reader": "读卡器", "camera": "摄像头", "relay": "继电器", "sensor": "传感器"}
	if word := zh[kind]; word != "" && s.Lang == config.Chinese {
		return word
	}
	return strings.ReplaceAll(kind, "_", " ")
}
