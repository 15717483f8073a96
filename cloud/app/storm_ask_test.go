package app_test

import (
	"encoding/json"
	"net/http"
	"slices"
)

func percentile(ms []int64) (p99, most int64) {
	if len(ms) == 0 {
		return 0, 0
	}
	slices.Sort(ms)
	return ms[(len(ms)-1)*99/100], ms[len(ms)-1]
}

// incidents asks for all of them, and counts the alerts in them.
func (s *storm) incidents() (ids map[string]bool, alerts int) {
	ids = map[string]bool{}
	for before := ""; ; {
		resp, err := http.Get(s.base + "/incidents?limit=200&before=" + before)
		if err != nil {
			s.t.Error(err)
			return ids, alerts
		}
		var page struct {
			Next      string `json:"next"`
			Incidents []struct {
				ID     string `json:"id"`
				Alerts int    `json:"alertCount"`
			} `json:"incidents"`
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil {
			s.t.Error(err)
			return ids, alerts
		}
		for _, in := range page.Incidents {
			ids[in.ID], alerts = true, alerts+in.Alerts
		}
		if before = page.Next; before == "" {
			return ids, alerts
		}
	}
}
