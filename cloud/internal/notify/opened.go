package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// Opened is what a link opens, and who holds it.
type Opened struct {
	Incident string
	Name     string // of the person to whom the link was sent, or of the receiver whom several read
	Resident bool   // who may rate a closed incident, and nothing else
}

// A DeadLink was ours, and opens nothing any more.
type DeadLink struct {
	Incident string
	Revoked  bool    // else it is too old
	Ask      *Person // who answers for the site, without a number: nobody knows who reads it; nil: nobody is named
}

// Error implements error.
func (d *DeadLink) Error() string {
	if d.Revoked {
		return "the link was revoked"
	}
	return "the link is too old"
}

// Open answers what the key of a link opens. A key that is not ours: ErrLink. One that opens nothing any more: *DeadLink,
// which says whom to ask.
func (s *Service) Open(ctx context.Context, key string) (Opened, error) {
	k, err := s.cfg.Links.read(key)
	if err != nil {
		return Opened{}, err
	}
	receiver, number, personal := strings.Cut(k.who, "~")
	i := slices.IndexFunc(s.senders, func(s *sender) bool { return s.receiver.ID == receiver })
	resident := k.who == Resident
	revoked := i < 0 && !resident // whom nobody tells any more
	if !revoked {
		if revoked, err = s.revoked(ctx, k); err != nil {
			return Opened{}, err
		}
	}
	if revoked || s.cfg.Links.old(k) {
		dead := &DeadLink{Incident: k.incident, Revoked: revoked}
		if dead.Ask, err = s.ask(ctx, k.incident); err != nil {
			return Opened{}, err
		}
		return Opened{}, dead
	}
	if resident {
		return Opened{Incident: k.incident, Name: "居民", Resident: true}, nil
	}
	o := Opened{Incident: k.incident, Name: s.senders[i].receiver.Name}
	if personal {
		name, err := s.addressee(ctx, number)
		if err != nil {
			return Opened{}, err
		}
		if name != "" {
			o.Name = name
		}
	}
	return o, nil
}

func (s *Service) revoked(ctx context.Context, k link) (bool, error) {
	var until int64
	err := s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT until FROM revoked_links WHERE incident = ?`, k.incident).Scan(&until)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for revoked links of %s: %w", k.incident, err)
	}
	return k.made.Unix() <= until/1000, nil
}

// addressee is the name of the person whom a notice was for.
func (s *Service) addressee(ctx context.Context, number string) (string, error) {
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return "", nil //nolint:nilerr // the signature is right: it is an old form, without a person
	}
	var text string
	err = s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT people FROM notices WHERE id = ?`, id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read whom a link was sent to: %w", err)
	}
	people, err := readPeople(text)
	if err != nil || len(people) == 0 {
		return "", err
	}
	return people[0].Name, nil
}

// ask answers who can help with an incident.
func (s *Service) ask(ctx context.Context, id string) (*Person, error) {
	q := s.cfg.DB.Reader()
	in, err := incident.Get(ctx, q, id)
	if errors.Is(err, incident.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := directory{q: q, site: in.Site, node: in.Node, at: s.cfg.Now().In(s.cfg.Zone)}
	people, err := d.people(ctx, []string{Responsible})
	if err != nil || len(people) == 0 {
		return nil, err
	}
	p := people[0]
	p.Phone = ""
	return &p, nil
}

// Revoke makes every link of an incident useless that was made until now. Messages that follow carry new ones.
func (s *Service) Revoke(ctx context.Context, id string) error {
	now := s.cfg.Now()
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		in, err := incident.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO revoked_links (incident, until) VALUES (?, ?) ON CONFLICT (incident) DO UPDATE SET until = excluded.until`,
			id, now.UnixMilli()); err != nil {
			return fmt.Errorf("revoke links of %s: %w", id, err)
		}
		return audit.Add(ctx, tx, audit.Entry{At: now, Act: "incident.revoke_links", Kind: "incident", About: id, Site: in.Site, Node: in.Node})
	})
}
