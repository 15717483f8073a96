package notify_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/rules"
)

// What happened and ended while a gateway was cut off is one message that says so, whichever kind of receiver.
func TestLateAlertIsOneMessage(t *testing.T) { dbtest.Each(t, testLateAlertIsOneMessage) }

func testLateAlertIsOneMessage(t *testing.T, place *dbtest.Place) {
	if testing.Short() {
		t.Skip("waits five seconds for the end of what is over")
	}
	kind := notify.WeCom
	if place.URL != "" { // one kind on each database
		kind = notify.Webhook
	}
	h := open(t, place, kind, true)
	began := time.Now().Add(-26 * time.Hour)
	e := rules.AlertEvent{Alert: "a", Rule: "R16", Subject: "gas-1", Severity: rules.SeverityA, State: rules.Firing, Since: began, At: began,
		Title: rules.Text{ZH: "燃气高报", EN: "Gas"}, Message: rules.Text{ZH: "62 %LEL", EN: "62 %LEL"}}
	over := e
	over.State, over.At = rules.Resolved, began.Add(time.Hour)
	for _, event := range []rules.AlertEvent{e, over} { // they come in two batches
		if err := h.db.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := h.inc.ApplyLate(t.Context(), tx, "gw-1", event)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.svc.Wake()
	}
	got := h.next().body
	want := []string{"断网期间发生", "恢复", began.UTC().Format("01-02 15:04"), over.At.UTC().Format("01-02 15:04")}
	if kind == notify.Webhook {
		want = []string{`"kind":"opened"`, `"late":true`, `"condition":"recovered"`}
	}
	for _, part := range want {
		if !strings.Contains(got, part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
	if strings.Contains(got, "限时") {
		t.Errorf("somebody must take at once what is over: %q", got)
	}
	var n int
	if err := h.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM notices WHERE incident <> '' AND kind <> 'reminder'`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d messages, %v", n, err)
	}
}
