package api_test

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/api"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// A database that does not answer when the cloud starts ends nothing: what happened meanwhile is told when it does.
func TestFeedWaitsForTheDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cloud.db")
	bare, err := db.Open(t.Context(), path, fstest.MapFS{}) // without a table
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	hub := live.NewHub(time.Now(), prometheus.NewRegistry())
	page := hub.Subscribe(live.Scope{All: true}, 0)
	defer page.Close()
	feed := api.NewFeed(bare, hub, time.Now, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- feed.Run(ctx) }()
	feed.Gateway("gw-1")

	full, err := db.Open(t.Context(), path, db.Cloud())
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if err := full.Update(t.Context(), func(tx *sql.Tx) error {
		if err := org.Connect(t.Context(), tx, &wire.Hello{Gateway: "gw-1", Session: 1}, time.Now()); err != nil {
			return err
		}
		return org.Apply(t.Context(), tx, "gw-1", &wire.Inventory{Site: "s-1", Name: "锦绣"})
	}); err != nil {
		t.Fatal(err)
	}
	feed.Gateway("gw-1") // the first may have been read between the tables and what is in them
	for told := false; !told; {
		select {
		case <-page.More():
			frame, err := page.Take()
			if err != nil {
				t.Fatal(err)
			}
			told = strings.Contains(string(frame), "锦绣")
		case err := <-ended:
			t.Fatalf("the feed ended: %v", err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
