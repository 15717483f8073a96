package chain

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	// The driver registers itself under the name "pgx".
	_ "github.com/jackc/pgx/v5/stdlib"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// flap makes a device silent, or lets it answer again, so that the gateways have events to tell.
func (s *site) flap(i int) error {
	id := fmt.Sprintf("bench-%d", i+1)
	s.silent[id] = !s.silent[id]
	return s.fault(id, s.silent[id])
}

func (s *site) mend() error {
	for id, silent := range s.silent {
		if silent {
			if err := s.fault(id, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *site) fault(device string, on bool) error {
	order := fmt.Sprintf(`{"device":%q,"kind":"silent","on":%t}`, device, on)
	response, err := http.Post(s.control+"/fault", "application/json", bytes.NewReader([]byte(order)))
	if err != nil {
		return fmt.Errorf("tell simulator: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("tell simulator: %s", response.Status)
	}
	return nil
}

// settle ends the reading and waits until the cloud has everything and has brought it to the store. The gateways are
// ended in order, so that nothing stays in their memory, and started once more for what they could not send by then.
func (s *site) settle(ctx context.Context) error {
	for _, g := range s.gateways {
		if err := g.now.Stop(); err != nil {
			return err
		}
	}
	if err := s.sim.Stop(); err != nil {
		return err
	}
	ends := map[string]map[uint32]uint64{}
	for _, g := range s.gateways {
		ends[g.name] = map[uint32]uint64{}
		for _, stream := range []uint32{wire.StreamEvents, wire.StreamTelemetry} {
			if err := s.records(ctx, g.name, stream, func(r record) error { ends[g.name][stream] = r.Seq; return nil }); err != nil {
				return err
			}
		}
		if err := g.up(ctx); err != nil {
			return err
		}
	}
	db, err := s.database()
	if err != nil {
		return err
	}
	defer db.Close()
	if err := process.Until(ctx, 3*time.Minute, func() error { return arrived(ctx, db, ends) }); err != nil {
		return fmt.Errorf("gateways: %w", err)
	}
	var last sql.NullInt64
	if err := db.QueryRowContext(ctx, `SELECT max(id) FROM inbox`).Scan(&last); err != nil {
		return fmt.Errorf("read inbox: %w", err)
	}
	err = process.Until(ctx, 3*time.Minute, func() error {
		var waiting int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM inbox WHERE id <= $1`, last.Int64).Scan(&waiting); err != nil || waiting > 0 {
			return fmt.Errorf("%d records wait in the inbox: %w", waiting, err)
		}
		return nil
	})
	for _, g := range s.gateways { // they have nothing more to say
		g.now.Kill()
	}
	return err
}

// arrived says which stream the cloud does not have to its end.
func arrived(ctx context.Context, db *sql.DB, ends map[string]map[uint32]uint64) error {
	for gateway, streams := range ends {
		for stream, end := range streams {
			var cum sql.NullInt64
			if err := db.QueryRowContext(ctx, `SELECT max(cum) FROM cursors WHERE gateway = $1 AND stream = $2 AND current = 1`, gateway, stream).Scan(&cum); err != nil {
				return fmt.Errorf("read cursors: %w", err)
			}
			if uint64(cum.Int64) < end {
				return fmt.Errorf("%s of %s arrived to %d of %d", wire.StreamName(stream), gateway, cum.Int64, end)
			}
		}
	}
	return nil
}

func (s *site) database() (*sql.DB, error) {
	db, err := sql.Open("pgx", fmt.Sprintf("postgres://postgres:proof-only@127.0.0.1:%d/postgres?sslmode=disable", s.ports["postgres"]))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

// record is what is needed of a line of `gateway log inspect --json`.
type record struct {
	Seq   uint64
	Event json.RawMessage
}

// records reads a gateway's log offline.
func (s *site) records(ctx context.Context, gateway string, stream uint32, each func(record) error) error {
	folder := filepath.Join(s.o.Dir, gateway+"-data", wire.StreamName(stream))
	cmd := exec.CommandContext(ctx, filepath.Join(s.o.Bin, "gateway"), "log", "inspect", "--json", folder)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("inspect log: %w", err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("inspect log: %w", err)
		}
		if err := each(r); err != nil {
			return err
		}
	}
	// Its exit status tells of holes: skipped numbers after a kill are some.
	_ = cmd.Wait()
	return lines.Err()
}

// events looks for every record of the gateways' events logs in the cloud's database, byte for byte.
func (s *site) events(ctx context.Context, r *Result) error {
	db, err := s.database()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, g := range s.gateways {
		err := s.records(ctx, g.name, wire.StreamEvents, func(rec record) error {
			r.Events++
			var payload []byte
			err := db.QueryRowContext(ctx, `SELECT payload FROM events WHERE gateway = $1 AND stream = $2 AND seq = $3`, g.name, wire.StreamEvents, rec.Seq).Scan(&payload)
			if err != nil {
				r.wrong(&r.EventsBad, "event %d of %s: %v", rec.Seq, g.name, err)
				return nil
			}
			var here, there wire.Event
			if protojson.Unmarshal(rec.Event, &here) != nil || proto.Unmarshal(payload, &there) != nil || !proto.Equal(&here, &there) {
				r.wrong(&r.EventsBad, "event %d of %s is another in the cloud", rec.Seq, g.name)
			}
			return nil
		})
		if err != nil {
			return err
		}
		var extra int
		if err := db.QueryRowContext(ctx, `SELECT count(*) - count(DISTINCT seq) FROM events WHERE gateway = $1`, g.name).Scan(&extra); err != nil {
			return fmt.Errorf("count events: %w", err)
		}
		for range extra {
			r.wrong(&r.EventsBad, "an event of %s is there twice", g.name)
		}
	}
	return nil
}
