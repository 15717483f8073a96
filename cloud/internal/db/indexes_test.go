package db_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db"
)

// What is asked for with every message or by every page finds its rows by an index: these tables grow as long as the cloud runs.
func TestWhatIsAskedOftenHasAnIndex(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "cloud.db"), db.Cloud())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, query := range []string{
		`SELECT time_ms FROM parked WHERE gateway = 'g' AND device = 'd' AND point = 'p' AND time_ms BETWEEN 1 AND 2 ORDER BY time_ms LIMIT 10000`,
		`UPDATE gaps SET to_ms = 1 WHERE gateway = 'g' AND stream = 1 AND epoch = 1 AND last = 1 AND to_ms IS NULL`,
	} {
		var id, parent, unused int
		var plan string
		if err := d.Reader().QueryRowContext(t.Context(), `EXPLAIN QUERY PLAN `+query).Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, "time_ms>?") && !strings.Contains(plan, "last=?") {
			t.Errorf("%s: %s", query, plan)
		}
	}
}
