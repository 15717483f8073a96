package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/rules"
)

// An urge does not wait for the hour of its class's digest.
func TestAnUrgeOfClassCGoesAtOnce(t *testing.T) {
	c := muster(t, dbtest.SQLite(t), nil)
	c.pass(30 * time.Minute) // 10:30; the digest goes at 12:00
	c.fire(rules.SeverityC, "c1")
	c.settled()
	id := c.only().ID
	if err := c.inc.Do(t.Context(), id, incident.Urge, incident.Person{Name: "陈主任", Rights: auth.Rights()}, incident.Given{Note: "三天了"}); err != nil {
		t.Fatal(err)
	}
	c.svc.Wake()
	if s := c.hear(1)[0]; !strings.Contains(s.body, "督办（第 1 次）") {
		t.Error(s.body)
	}
}
