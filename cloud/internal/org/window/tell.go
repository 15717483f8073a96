package window

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/memo"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// A Teller brings messages to people.
type Teller interface {
	Tell(ctx context.Context, tx *sql.Tx, m memo.Memo) error
	Zone() *time.Location // of the street, in which people read times
}

// tell announces a window to the groups of its site and to who answers for it. A site that hangs on no node has nobody.
func (s *Service) tell(ctx context.Context, tx *sql.Tx, w Window) error {
	if s.cfg.Teller == nil {
		return nil
	}
	path, err := tree.PathOf(ctx, tx, w.Site)
	if errors.Is(err, org.ErrUnknown) || err == nil && len(path) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	from, until := time.UnixMilli(w.From).UTC(), time.UnixMilli(w.Until).UTC()
	if zone := s.cfg.Teller.Zone(); zone != nil {
		from, until = from.In(zone), until.In(zone)
	}
	var to []tree.Person
	if d := tree.Responsible(path, from.Format(time.DateOnly)); d != nil {
		to = append(to, d.Person)
	}
	const form = "01-02 15:04"
	node := path[len(path)-1]
	text := rules.Text{
		ZH: fmt.Sprintf("%s 检修 %s 至 %s：%s（现场：%s）。期间重要、一般告警只记录不通知，紧急告警照常通知", node.Name, from.Format(form), until.Format(form), w.Reason, w.Crew),
		EN: fmt.Sprintf("%s: maintenance %s to %s: %s (on site: %s). Alerts of class B and C are recorded and not told meanwhile, class A is told", node.Name, from.Format(form), until.Format(form), w.Reason, w.Crew)}
	return s.cfg.Teller.Tell(ctx, tx, memo.Memo{Kind: memo.Window, About: strconv.FormatInt(w.ID, 10), Node: node.ID, Text: text, To: to, Page: "/sites/" + w.Site})
}
