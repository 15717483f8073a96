package incident_test

import (
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/rules"
)

// A phone whose answer got lost sends its deed again: it is done once, and the second answer is no refusal. Another key,
// another person and another incident are other deeds.
func TestADeedSentAgainIsDoneOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := office(t, place, func(c *incident.Config) { c.Merging = incident.Merging{} })
		id, other := k.apply(k.alert("R16", "gas-1", rules.SeverityB)), k.apply(k.alert("R04", "plug-1", rules.SeverityB))
		send := func(id, deed, who, key, note string) error {
			return k.svc.Do(t.Context(), id, deed, all(who), incident.Given{Note: note, Key: key})
		}
		for _, d := range []struct {
			id, deed, who, key string
			refused            bool
		}{
			{id, incident.Take, "王网格", "k1", false}, {id, incident.Take, "王网格", "k1", false}, {id, incident.Take, "王网格", "k2", true}, {id, incident.Take, "李书记", "k1", true},
			{other, incident.Take, "王网格", "k1", false}, {id, incident.Finish, "王网格", "k3", false}, {id, incident.Finish, "王网格", "k3", false}, {id, incident.Finish, "王网格", "", true},
		} {
			if err := send(d.id, d.deed, d.who, d.key, "阀门已关"); (err != nil) != d.refused {
				t.Errorf("%+v: %v", d, err)
			}
		}
		steps, err := incident.Steps(t.Context(), k.db.Reader(), id)
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, s := range steps {
			count[s.Deed]++
		}
		if count[incident.Begin] != 1 || count[incident.Finish] != 1 {
			t.Errorf("done: %v", count)
		}
	})
}
