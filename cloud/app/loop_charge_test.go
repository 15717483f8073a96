package app_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// overcharge is of class B: a charger's own alert (R04, more energy than any battery), which the property manager takes in one
// tap, puts off until the owner comes, and which another one checks.
func (l *loop) overcharge() {
	t := l.t
	l.charge(rules.Firing)
	var list struct{ Incidents []page }
	if l.as("赵经理").ask("GET", "/incidents?step=reported&severity=B&category=danger&source=sensor", "", &list); len(list.Incidents) != 1 || list.Incidents[0].Condition != "active" {
		t.Fatalf("%+v", list)
	}
	l.id = list.Incidents[0].ID
	if p := l.do("赵经理", "take", "{}"); p.Handling != "handling" || len(p.Steps) != 5 || p.TakenBy != "赵经理" {
		t.Errorf("one tap: %+v", p)
	}
	l.refused("王网格", "take", "{}", http.StatusConflict)
	due := l.look("赵经理").StepDue
	l.do("李书记", "suspend", fmt.Sprintf(`{"note":"等车主回来取车","until":%d}`, time.Now().Add(time.Hour).UnixMilli()))
	if p := l.do("王网格", "note", `{"note":"车主在路上"}`); p.SuspendedAt == 0 {
		t.Error("a note took it up again")
	}
	id, _, status := l.upload("赵经理", "/incidents/"+l.id+"/photos", "image/jpeg", shot(t, 48))
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if p := l.do("赵经理", "finish", `{"note":"已断电，电池移到室外","photos":["`+id+`"],"measured":[{"name":"电池表面温度","value":38,"unit":"°C"}]}`); p.SuspendedAt != 0 || p.StepDue == due {
		t.Errorf("%+v", p)
	}
	l.refused("陈主任", "close", `{"outcome":"real"}`, http.StatusConflict) // it still draws
	l.charge(rules.Resolved)
	l.do("陈主任", "check", `{"note":"现场已看"}`)
	l.do("赵经理", "close", `{"outcome":"real","note":"通知车主更换充电器"}`)
	l.rateByLink()
	p := l.look("陈主任")
	l.reached(p, "reported verified accepted dispatched in_progress checked closed rated")
	if p.Rating != 5 || p.Condition != "recovered" {
		t.Errorf("%+v", p)
	}
	l.tell("电量超容", p)
}

// charge is what a charger's gateway tells of its socket.
func (l *loop) charge(state rules.State) {
	l.t.Helper()
	if state == rules.Firing {
		l.event(&wire.Event{Kind: &wire.Event_Inventory{Inventory: &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", Timezone: "Asia/Shanghai", ConfigHash: "2",
			Devices: []*wire.Device{{Id: "gas-1", Name: "探测器", Kind: "gas", Model: "g", Place: "1802 厨房", PollMs: 1000},
				{Id: "socket-3", Name: "3 号插座", Kind: "socket", Model: "s", Place: "3 栋车棚", PollMs: 1000}},
			Models: []*wire.Model{{Name: "g", Points: []*wire.Point{{Name: "level", Unit: "%LEL"}}}, {Name: "s", Points: []*wire.Point{{Name: "power", Unit: "W"}}}}}}})
	}
	l.event(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(rules.AlertEvent{Alert: "R04/socket-3/1", Rule: "R04", Subject: "socket-3", Severity: rules.SeverityB, State: state,
		Since: l.start, At: l.start, Title: rules.Text{ZH: "电量超容", EN: "More energy than any battery"}, Message: rules.Text{ZH: "3 号插座 已充 3.4 kWh，超过 3.2 kWh", EN: "socket 3: 3.4 kWh"},
		Evidence: []rules.Evidence{{Name: "session.energy", Unit: "kWh", Value: 3.4, Quality: device.Good}, {Name: "power", Unit: "W", Value: 412, Quality: device.Good}}})}})
}

// report is a resident's call: a grid worker reports it with a photo and rates it for them.
func (l *loop) report() {
	t := l.t
	photo := shot(t, 40)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	f, err := w.CreateFormFile("photo", "IMG_1.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(photo); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	id, _, status := l.upload("王网格", "/photos", w.FormDataContentType(), form.Bytes())
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if _, code, status := l.upload("王网格", "/photos", "image/jpeg", []byte("<html>")); status != http.StatusUnprocessableEntity || code != "bad_photo" {
		t.Errorf("no photo: %d %s", status, code)
	}
	if _, code, status := l.upload("王网格", "/photos", "image/jpeg", make([]byte, 9<<20)); status != http.StatusRequestEntityTooLarge || code != "too_large" {
		t.Errorf("too large: %d %s", status, code)
	}
	body := `{"kind":"charging","text":"车棚 3 号位电池鼓包仍在充","site":"jinxiu","place":"3 栋车棚","photos":["` + id + `"],"source":"complaint","reference":"12345-887"}`
	var p page
	for range 2 { // the phone did not hear the answer
		if got := l.as("王网格").ask("POST", "/reports", body, &p, "Idempotency-Key", "phone-0001"); got != http.StatusOK {
			t.Fatalf("report: %d", got)
		}
		if l.id == p.ID || p.Severity != "B" || p.Source != "complaint" || p.Condition != "none" || len(p.Steps) != 1 || len(p.Steps[0].Photos) != 1 {
			t.Fatalf("%+v", p)
		}
	}
	l.id = p.ID
	var list struct{ Incidents []page }
	if l.as("赵经理").ask("GET", "/incidents?source=complaint&q=%E9%BC%93%E5%8C%85", "", &list); len(list.Incidents) != 1 {
		t.Errorf("%+v", list)
	}
	l.as("王网格").wrong("POST", "/reports", strings.Replace(body, "3 栋", "4 栋", 1), http.StatusConflict, "wrong_state", "Idempotency-Key", "phone-0001")
	l.as("钱科长").wrong("POST", "/reports", body, http.StatusNotFound, "not_found", "Idempotency-Key", "phone-0002")
	if kept := l.picture("/incidents/" + l.id + "/photos/" + id); bytes.Contains(kept, []byte("GPS")) || len(kept) == 0 {
		t.Error("where it was taken is kept")
	}
	l.do("赵经理", "take", "{}")
	l.do("赵经理", "close", `{"outcome":"real","note":"已断电，电池移到室外"}`)
	if got := l.as("王网格").ask("POST", "/incidents/"+l.id+"/rate", `{"rating":4,"note":"居民满意"}`, nil); got != http.StatusOK {
		t.Errorf("rate: %d", got)
	}
	p = l.look("陈主任")
	l.reached(p, "reported verified accepted dispatched in_progress checked closed rated")
	l.tell("居民来电：充电隐患", p)
}

func (l *loop) picture(path string) []byte {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, l.base+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := l.as("李书记").http.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "image/jpeg" {
		l.t.Errorf("%d %s %v", resp.StatusCode, resp.Header.Get("Content-Type"), err)
	}
	return b
}
