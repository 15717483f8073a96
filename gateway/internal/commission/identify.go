package commission

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// identify says what a device may be: by reading what each model that speaks its protocol says of itself, and weighing how much of
// the answers would be chance. A device that is configured is read as that alone.
func (s *Service) identify(ctx context.Context, l Line, ch *config.Channel, f *Found) error {
	v := newView(l, ch, *f)
	if len(f.Configured) > 0 {
		if done, err := s.asConfigured(ctx, v, ch, f); done || err != nil {
			return err
		}
	}
	var fits []weighed
	for _, m := range s.cfg.Models {
		if m.Protocol != f.Protocol {
			continue
		}
		w, err := v.weigh(ctx, m)
		if err != nil {
			return err
		}
		if w.ok && w.bits > 0 { // zeros fit every map
			w.present = slices.ContainsFunc(s.cfg.Site.Devices(), func(d device.Device) bool { return d.Model == m.Name })
			fits = append(fits, w)
		}
	}
	f.Candidates = candidates(fits)
	if len(f.Candidates) > 0 {
		best := fits[slices.IndexFunc(fits, func(w weighed) bool { return w.model.Name == f.Candidates[0].Model })]
		f.Trial = v.trials(best.model.Points)
	} else if f.Protocol == protocolModbus {
		if err := v.readable(ctx, f); err != nil {
			return err
		}
	}
	f.Hints = append(f.Hints, v.hints()...)
	return nil
}

// asConfigured reads a device as gateway.yaml has it; done says that it is what it is said to be.
func (s *Service) asConfigured(ctx context.Context, v *view, ch *config.Channel, f *Found) (done bool, err error) {
	for _, d := range ch.Devices {
		if !ofDevice(d.ID, f.Configured[0]) {
			continue
		}
		m := &config.Model{Name: d.Model, Kind: d.Kind, Protocol: f.Protocol, Points: d.Points}
		for _, known := range s.cfg.Models {
			if known.Name == d.Model {
				m.Title = known.Title
			}
		}
		w, err := v.weigh(ctx, m)
		if err != nil {
			return false, err
		}
		if !w.ok {
			f.Hints = append(f.Hints, Hint{Code: HintModel, Address: f.Address, Text: Text{
				"地址 " + f.Address + " 配置为 " + d.Model + "，应答却不像：型号配错，或换过设备",
				"address " + f.Address + " is configured as " + d.Model + ", and its answers do not fit: another model, or a device that was replaced"}})
			return false, nil
		}
		f.Candidates, f.Trial = candidates([]weighed{w}), v.trials(d.Points)
		f.Hints = append(f.Hints, v.hints()...)
		return true, nil
	}
	return false, nil
}

func ofDevice(id, whole string) bool {
	return id == whole || len(id) > len(whole) && id[:len(whole)] == whole && id[len(whole)] == '.'
}

// weighed is a model and what a device's answers say for it.
type weighed struct {
	model      *config.Model
	bits       float64 // of evidence
	read, good int
	present    bool // on this site
	ok         bool
}

const (
	// unknownBits is how much evidence it takes until a model is as likely as that the device is in no profile.
	unknownBits = 12
	// doubt divides the bits: points of one device are not independent of each other, and maps of one maker are alike.
	doubt = 4
	// mostSure is as sure as plausible values can make: no answer has named the model.
	mostSure = 0.95
	// mostBits is as much as counts: beyond it the answers show a family of maps, and longer maps would win by their length alone.
	mostBits = 40
	// presentBits are for a model that the site has already: installers seldom bring one of each.
	presentBits = 4
	// leastSure is where a candidate is not worth telling.
	leastSure = 0.15
	// mostCandidates are told.
	mostCandidates = 5
)

// candidates shares the certainty between all models that the answers fit, and one that nobody knows.
func candidates(fits []weighed) []Candidate {
	slices.SortStableFunc(fits, func(a, b weighed) int { return cmp.Compare(b.bits, a.bits) }) // equal ones stay in this order
	weight := func(w weighed) float64 {
		bits := math.Min(w.bits, mostBits)
		if w.present {
			bits += presentBits
		}
		return math.Exp2(bits / doubt)
	}
	total := math.Exp2(unknownBits / doubt)
	for _, w := range fits {
		total += weight(w)
	}
	var list []Candidate
	for _, w := range fits {
		sure := math.Floor(100*min(mostSure, weight(w)/total)) / 100 // all together are not more than 1
		if sure < leastSure {
			continue
		}
		list = append(list, Candidate{Model: w.model.Name, Title: Text{w.model.Title.ZH, w.model.Title.EN}, Kind: w.model.Kind, Confidence: sure,
			Read: w.read, Good: w.good, Why: why(w)})
	}
	slices.SortStableFunc(list, func(a, b Candidate) int {
		return cmp.Compare(b.Confidence, a.Confidence)
	})
	return list[:min(len(list), mostCandidates)]
}

// weigh reads a model's points and sums up what they show. A model whose points the device does not have is out at once.
func (v *view) weigh(ctx context.Context, m *config.Model) (weighed, error) {
	w := weighed{model: m}
	if len(m.Points) == 0 {
		return w, nil
	}
	for _, p := range telling(m.Points) {
		got, err := v.read(ctx, p)
		if err != nil {
			return w, err
		}
		if got.why != device.ReasonNone {
			return w, nil
		}
		if evidence(p, got) < 0 {
			return w, nil
		}
	}
	if err := v.readAll(ctx, m.Points); err != nil {
		return w, err
	}
	misses := 0
	for _, p := range m.Points {
		got := v.known[placeOf(p)]
		if got.why != device.ReasonNone {
			misses++
			w.bits -= missBits
			continue
		}
		w.read++
		bits := evidence(p, got)
		if bits >= 0 {
			w.good++
		}
		w.bits += bits
	}
	w.bits += consistency(v, m.Points)
	w.ok = w.good > 0 && misses*5 <= len(m.Points) && (w.read-w.good)*4 <= w.read
	return w, nil
}

// tellMost is how many points of a model are tried before all.
const tellMost = 3

// telling are the points of a model that say most, and are spread over its map: those with a range first.
func telling(points []device.Point) []device.Point {
	var ranged []device.Point
	for _, p := range points {
		if p.Min != 0 || p.Max != 0 {
			ranged = append(ranged, p)
		}
	}
	if len(ranged) == 0 {
		ranged = points
	}
	if len(ranged) <= tellMost {
		return ranged
	}
	return []device.Point{ranged[0], ranged[len(ranged)/2], ranged[len(ranged)-1]}
}
