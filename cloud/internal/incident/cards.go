package incident

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Card says what to do, for a rule or a kind of thing, at a place: it stands instead of the rule's own.
type Card struct {
	Place string `json:"place,omitempty" maxLength:"80" pattern:"^((site|node):.+)?$" doc:"site:ID or node:ID with all below it; absent: everywhere"`
	Topic string `json:"topic" minLength:"1" maxLength:"80" pattern:"^[A-Za-z0-9_:.-]+$" doc:"a rule such as R16, a kind of devices as kind:gas, or a kind of reports as report:fire"`
	Lines []Text `json:"lines" maxItems:"20" doc:"in their order; none: the card is taken away"`
	By    string `json:"by,omitempty" readOnly:"true"`
	At    int64  `json:"at,omitempty" readOnly:"true"`
}

// Cards answers all cards, by place and topic.
func Cards(ctx context.Context, q db.Querier) ([]Card, error) {
	rows, err := q.QueryContext(ctx, `SELECT place, topic, lines, who, at FROM cards ORDER BY place, topic`)
	if err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	defer rows.Close()
	out := []Card{}
	for rows.Next() {
		var c Card
		var lines string
		if err := rows.Scan(&c.Place, &c.Topic, &lines, &c.By, &c.At); err != nil {
			return nil, fmt.Errorf("list cards: %w", err)
		}
		if err := json.Unmarshal([]byte(lines), &c.Lines); err != nil {
			return nil, fmt.Errorf("read card of %s: %w", c.Topic, err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// SetCards keeps cards, all or none; one without lines is taken away.
func (s *Service) SetCards(ctx context.Context, who Person, cards []Card) error {
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		var topics []string
		for _, c := range cards {
			topics = append(topics, strings.TrimSpace(c.Place+" "+c.Topic))
			if len(c.Lines) == 0 {
				if _, err := tx.ExecContext(ctx, `DELETE FROM cards WHERE place = ? AND topic = ?`, c.Place, c.Topic); err != nil {
					return fmt.Errorf("take card of %s away: %w", c.Topic, err)
				}
				continue
			}
			lines, err := json.Marshal(c.Lines)
			if err != nil {
				return fmt.Errorf("encode card of %s: %w", c.Topic, err)
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO cards (place, topic, lines, who, at) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (place, topic) DO UPDATE SET lines = excluded.lines, who = excluded.who, at = excluded.at`, c.Place, c.Topic, string(lines), who.Name, s.cfg.Now().UnixMilli()); err != nil {
				return fmt.Errorf("keep card of %s: %w", c.Topic, err)
			}
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "card.set", Kind: "card", About: fmt.Sprint(len(cards)), At: s.cfg.Now(), Detail: map[string]string{"cards": strings.Join(topics, ", ")}})
	})
}

// CardFor answers what to do about an incident: the card of its site, else of the nearest node above it, else the street's,
// each for its rule before its kind of device; without any, the rule's own.
func CardFor(ctx context.Context, q db.Querier, in Incident, path []tree.Node) ([]Text, error) {
	places := []string{"site:" + in.Site}
	for _, n := range slices.Backward(path) {
		places = append(places, "node:"+n.ID)
	}
	topics := []string{in.Rule}
	var kind string
	err := q.QueryRowContext(ctx, `SELECT kind FROM devices WHERE gateway = ? AND id = ?`, in.Gateway, in.Device).Scan(&kind)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read kind of device %s: %w", in.Device, err)
	}
	if kind != "" {
		topics = append(topics, "kind:"+kind)
	}
	for _, place := range append(places, "") {
		for _, topic := range topics {
			var text string
			err := q.QueryRowContext(ctx, `SELECT lines FROM cards WHERE place = ? AND topic = ?`, place, topic).Scan(&text)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			var lines []Text
			if err == nil {
				err = json.Unmarshal([]byte(text), &lines)
			}
			if err != nil {
				return nil, fmt.Errorf("read card of %s: %w", topic, err)
			}
			return lines, nil
		}
	}
	return in.Detail.Card, nil
}
