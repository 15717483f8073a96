package rules

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// charged plays one charge of so much of a lead-acid battery with a card, and the unplugging.
func charged(w *watch, card float64, rise time.Duration) *watch {
	b := lead()
	b.rise = rise
	w.in.card, w.in.plugged = card, 1
	w.run(b.full()+10*time.Minute, b.at, nil)
	w.in.card, w.in.plugged = 0, 0
	return w.idle(20 * time.Minute)
}

func TestBaselineOfACard(t *testing.T) {
	w := newWatch(time.Minute).idle(20 * time.Minute)
	for i, rise := range []int{300, 310, 320, 330, 340, 350} {
		w.in.card = 77
		w.idle(time.Minute) // the card is shown before the plug
		if got := w.word("baseline.sessions"); got != float64(i) {
			t.Fatalf("%v sessions, want %d", got, i)
		}
		if got := w.word("baseline.energy_p90"); (i < 5) != math.IsNaN(got) {
			t.Fatalf("after %d sessions P90 is %v", i, got)
		}
		charged(w, 77, time.Duration(rise)*time.Minute)
	}
	w.in.card = 77
	w.idle(time.Minute)
	for word, want := range map[string][2]float64{
		"baseline.sessions": {6, 0}, "baseline.energy": {1.12, 0.02}, "baseline.energy_mad": {0.046, 0.01}, "baseline.energy_p90": {1.2, 0.02},
		"baseline.peak": {200, 1}, "baseline.peak_mad": {0, 0.5}, "baseline.duration": {(325 + 125) * 60, 120},
	} {
		near(t, w.every, word, w.word(word), want[0], want[1])
	}
	w.in.card = 78
	if w.idle(time.Minute); w.word("baseline.sessions") != 0 || !math.IsNaN(w.word("baseline.peak")) {
		t.Errorf("another card knows what this one learned")
	}
}

// What is not a completed, healthy charge of one battery, seen whole, teaches nothing.
func TestOnlyGoodSessionsTeach(t *testing.T) {
	b := lead()
	cases := map[string]func(w *watch){
		"broken off": func(w *watch) { w.run(3*time.Hour, b.at, nil) },
		"two loads": func(w *watch) {
			w.run(b.full(), func(at time.Duration) float64 { return b.at(at) + shimano().at(at-time.Hour) }, nil)
		},
		"square wave": func(w *watch) { w.run(b.full(), square(b, 5*time.Minute, 20), nil) },
		"a step up":   func(w *watch) { w.run(b.full(), stepped(b, 420*time.Minute), nil) },
		"another card": func(w *watch) {
			w.in.card = 3
			w.run(time.Hour, b.at, nil)
			w.in.card = 5
			w.run(b.full(), after(b, time.Hour), nil)
		},
		"a long hole": func(w *watch) {
			w.blind = [2]time.Duration{w.t + time.Hour, w.t + 80*time.Minute}
			w.run(b.full(), b.at, nil)
		},
		"an alert": func(w *watch) {
			w.run(time.Hour, b.at, nil)
			w.s.Doubt = true
			w.run(b.full(), after(b, time.Hour), nil)
		},
		"nobody's eyes": func(w *watch) { w.s.Last = 0; w.run(b.full(), after(b, time.Hour), nil) },
	}
	for name, play := range cases {
		w := newWatch(time.Minute).idle(20 * time.Minute)
		w.in.plugged, w.in.card = 1, 0
		play(w)
		w.in.card, w.in.plugged = 0, 0
		if w.idle(30 * time.Minute); len(w.s.Learned) != 0 {
			t.Errorf("%s: taught %+v", name, w.s.Learned[0].usual)
		}
	}
	if w := charged(newWatch(time.Minute).idle(20*time.Minute), 0, b.rise); len(w.s.Learned) != 1 {
		t.Error("and a good one taught nothing")
	}
}

func stepped(b battery, when time.Duration) func(time.Duration) float64 {
	return func(at time.Duration) float64 {
		if at > when {
			return b.at(at) + 60
		}
		return b.at(at)
	}
}

func after(b battery, d time.Duration) func(time.Duration) float64 {
	return func(at time.Duration) float64 { return b.at(at + d) }
}

func TestBaselineKeepsWhatItLearnedButNotTooMuch(t *testing.T) {
	w := newWatch(5 * time.Minute).idle(20 * time.Minute)
	for card := range maxCards + 3 {
		for range maxLessons + 4 {
			charged(w, float64(card+1), 30*time.Minute)
		}
	}
	data, err := json.Marshal(w.s)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.s.Learned) != maxCards || w.s.Learned[0].Card != 4 || w.s.Learned[0].Lessons.n != maxLessons {
		t.Errorf("%d cards, the oldest %v with %d sessions", len(w.s.Learned), w.s.Learned[0].Card, w.s.Learned[0].Lessons.n)
	}
	if len(data) > 2200 { // 4,000 such sockets are less than 9 MB
		t.Errorf("a socket with %d cards takes %d bytes in the snapshot", maxCards, len(data))
	}
	var again session
	if err := json.Unmarshal(data, &again); err != nil || !again.intact() {
		t.Fatal(err)
	}
	again.Card = 9
	w.s.Card = 9
	if a, b := w.s.profile().usual, again.profile().usual; a != b || a.energy == 0 {
		t.Errorf("restored %+v, want %+v", b, a)
	}
	if data, _ := json.Marshal(newWatch(time.Minute).idle(time.Hour).s); len(data) > 80 {
		t.Errorf("a socket that never charged takes %d bytes: %s", len(data), data)
	}
	running, _ := json.Marshal(newWatch(time.Minute).idle(time.Hour).run(7*time.Hour, lead().at, nil).s)
	if len(running) > 1500 {
		t.Errorf("a charge under way takes %d bytes: %s", len(running), running)
	}
	t.Logf("%d bytes with %d cards, %d while it charges", len(data), maxCards, len(running))
}

func TestDamagedLessonsAreRefused(t *testing.T) {
	for _, text := range []string{`"x"`, `"AAAA"`, `"` + strings.Repeat("AAAAAAAA", 31) + `"`, `7`} {
		var s session
		if err := json.Unmarshal([]byte(`{"learned":[{"lessons":`+text+`}]}`), &s); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
	for _, text := range []string{`{"learned":[null]}`, `{"known":9}`, `{"flat":{"n":-1}}`, `{"count":-1}`, `{"learned":[{},{},{},{},{},{},{}]}`} {
		var s session
		if err := json.Unmarshal([]byte(text), &s); err == nil && s.intact() {
			t.Errorf("%s was taken", text)
		}
	}
}
