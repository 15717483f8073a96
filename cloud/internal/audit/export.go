package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/rules"
)

// A Line is an entry of an export: one JSON object a line. At is in Unix milliseconds; without Who it was the cloud itself.
type Line struct {
	Seq     int64             `json:"seq"`
	At      int64             `json:"at"`
	Who     string            `json:"who"`
	Role    string            `json:"role,omitempty"`
	Address string            `json:"address,omitempty"`
	Act     string            `json:"act"`
	Kind    string            `json:"kind,omitempty"`
	About   string            `json:"about,omitempty"`
	Node    string            `json:"node,omitempty"`
	Site    string            `json:"site,omitempty"`
	Text    *rules.Text       `json:"text,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
	Hash    string            `json:"hash"`
}

// lineOf is an entry as exports show it.
func lineOf(e Entry) Line {
	l := Line{Seq: e.Seq, At: e.At.UnixMilli(), Who: e.Name, Role: e.Role, Address: e.Address, Act: e.Act, Kind: e.Kind, About: e.About, Node: e.Node, Site: e.Site,
		Detail: e.Detail, Hash: e.Hash}
	if e.Text != (rules.Text{}) {
		l.Text = &e.Text
	}
	return l
}

// Export writes the entries of a time, oldest first, and answers how many.
func Export(ctx context.Context, q db.Querier, from, to time.Time, w io.Writer) (int64, error) {
	where, args := Filter{From: from, To: to}.where()
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM audit WHERE `+where+` ORDER BY seq`, args...)
	if err != nil {
		return 0, fmt.Errorf("export audit: %w", err)
	}
	defer rows.Close()
	out, n := json.NewEncoder(w), int64(0)
	out.SetEscapeHTML(false)
	for rows.Next() {
		k, err := scan(rows)
		if err != nil {
			return n, err
		}
		if err := json.Unmarshal([]byte(k.detail), &k.Detail); err != nil {
			return n, fmt.Errorf("read detail of audit entry %d: %w", k.Seq, err)
		}
		if err := out.Encode(lineOf(k.Entry)); err != nil {
			return n, fmt.Errorf("write audit: %w", err)
		}
		n++
	}
	return n, rows.Err()
}

// ReadMarks reads the marks of a file, one at the end of each line; a file that is not there has none.
func ReadMarks(name string) ([]Mark, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read marks of audit: %w", err)
	}
	defer f.Close()
	var marks []Mark
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		m, err := ParseMark(words[len(words)-1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		marks = append(marks, m)
	}
	return marks, nil
}
