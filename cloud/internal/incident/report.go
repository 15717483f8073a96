package incident

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// A Reporting is what somebody saw (一键上报), or a resident told by telephone.
type Reporting struct {
	Kind      string   `json:"kind"`
	Text      string   `json:"text"`
	Severity  string   `json:"severity"` // empty: as its kind has
	Site      string   `json:"site"`
	Node      string   `json:"node"` // of the organisation, when it is at no site
	Place     string   `json:"place"`
	Gateway   string   `json:"gateway"`
	Device    string   `json:"device"`
	Photos    []string `json:"photos"`
	Source    string   `json:"source"`    // FromPerson or FromCaller
	Reference string   `json:"reference"` // of another system, such as the number of a 12345 call
}

// A ReportKind is what can be reported, the class that it has unless somebody says another, and whether a device is what is
// wrong.
type ReportKind struct {
	Kind        string
	Text        Text
	Severity    string
	Maintenance bool
}

// ReportKinds are all of them.
func ReportKinds() []ReportKind {
	return []ReportKind{
		{"fire", Text{"火情烟雾", "Fire or smoke"}, "A", false},
		{"gas", Text{"燃气异味", "Smell of gas"}, "A", false},
		{"charging", Text{"充电隐患", "Dangerous charging"}, "B", false},
		{"passage", Text{"消防通道堵塞", "Blocked fire lane"}, "B", false},
		{"door", Text{"门禁异常", "Trouble with a door"}, "B", false},
		{"water", Text{"积水漏水", "Water leak"}, "C", false},
		{"device", Text{"设备故障", "Broken device"}, "C", true},
		{"other", Text{"其他", "Something else"}, "C", false},
	}
}

// Report makes an incident of what somebody reported, and answers its number. The same report again under the same key is
// the same incident; another one under that key is a *Refusal.
func (s *Service) Report(ctx context.Context, who Person, key string, r Reporting) (id string, err error) {
	kinds := ReportKinds()
	i := slices.IndexFunc(kinds, func(k ReportKind) bool { return k.Kind == r.Kind })
	if i < 0 {
		return "", &Refusal{Text{"没有这种上报类型", "nothing of this kind can be reported"}}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode report: %w", err)
	}
	hash := sha256.Sum256(text)
	sum := hex.EncodeToString(hash[:16])
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		was := ""
		err := tx.QueryRowContext(ctx, `SELECT incident, sum FROM reports WHERE who = ? AND key = ?`, who.Name, key).Scan(&id, &was)
		switch {
		case err == nil && was != sum:
			return &Refusal{Text{"这个上报编号已用于 " + id + "，内容不同", "this report's key was used for " + id + ", which says something else"}}
		case err == nil:
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("look for report: %w", err)
		}
		if err := locate(ctx, tx, &r); err != nil {
			return err
		}
		if id, err = s.reported(ctx, tx, who, kinds[i], r); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO reports (who, key, incident, sum) VALUES (?, ?, ?, ?)`, who.Name, key, id, sum); err != nil {
			return fmt.Errorf("keep report: %w", err)
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "incident.report", Kind: "incident", About: id, Site: r.Site, Node: r.Node, At: s.cfg.Now(),
			Text: rules.Text(kinds[i].Text), Detail: map[string]string{"source": r.Source, "text": r.Text}})
	})
	return id, err
}

// reported makes the incident of a report.
func (s *Service) reported(ctx context.Context, tx *sql.Tx, who Person, kind ReportKind, r Reporting) (string, error) {
	now := s.cfg.Now()
	at := now.UnixMilli()
	in := Incident{Gateway: r.Gateway, Device: r.Device, Site: r.Site, Rule: "report:" + kind.Kind, Severity: kind.Severity, Title: kind.Text, Message: Text{r.Text, r.Text},
		Condition: NoCondition, Handling: Open, Since: at, OpenedAt: at, Graded: at,
		Progress: Progress{Step: Reported, StepAt: at, Source: r.Source, Category: Danger, Whistle: 1, Node: r.Node, Reporter: who.Name}}
	if r.Severity != "" {
		in.Severity = r.Severity
	}
	if kind.Maintenance {
		in.Category, in.Severity = Maintenance, string(rules.SeverityC)
	}
	in.Detail = Detail{Evidence: []Evidence{}, Card: []Text{}, Severity: in.Severity, Told: true, Place: r.Place}
	if err := s.takeLimit(ctx, tx, &in, at); err != nil {
		return "", err
	}
	zone, err := s.zone(ctx, tx, in.Site)
	if err != nil {
		return "", err
	}
	if in.ID, err = number(ctx, tx, now.In(zone)); err != nil {
		return "", err
	}
	in.Alert = "report:" + in.ID
	if err := insert(ctx, tx, in); err != nil {
		return "", err
	}
	in.timed = in.limitEnds()
	if err := save(ctx, tx, in); err != nil {
		return "", err
	}
	if err := s.reportedBy(ctx, tx, &in, who, r); err != nil {
		return "", err
	}
	if in, err = Get(ctx, tx, in.ID); err != nil {
		return "", err
	}
	return in.ID, s.tell(ctx, tx, in, KindOpened)
}

// reportedBy keeps the first step, with its evidence, and the first line of the timeline.
func (s *Service) reportedBy(ctx context.Context, tx *sql.Tx, in *Incident, who Person, r Reporting) error {
	note := r.Text
	if r.Reference != "" {
		note += "（" + r.Reference + "）"
	}
	n, err := record(ctx, tx, in, Step{Deed: Report, To: Reported, At: in.StepAt, By: who.Name, Note: note})
	if err != nil {
		return err
	}
	if err := link(ctx, tx, in.ID, n, who.Name, r.Photos); err != nil {
		return err
	}
	t := Text{"上报：", "Reported: "}
	if in.Source == FromCaller {
		t = Text{"来电投诉：", "A resident called: "}
	}
	return addEntry(ctx, tx, in.ID, Entry{in.StepAt, "fired", Text{t.ZH + note, t.EN + note}, who.Name})
}

// locate finds the site of a report, and refuses a place that there is not. What says nothing of the place is left out: a
// gateway without a device, a node beside a site.
func locate(ctx context.Context, q db.Querier, r *Reporting) error {
	if r.Device != "" {
		if _, err := org.OneDevice(ctx, q, r.Gateway, r.Device); err != nil {
			return err
		}
		site, err := org.SiteOf(ctx, q, r.Gateway)
		if err != nil {
			return err
		}
		if r.Site != "" && r.Site != site {
			return &Refusal{Text{"这个设备不在该小区", "the device is at another site"}}
		}
		r.Site = site
	} else {
		r.Gateway = ""
	}
	if r.Site == "" {
		if strings.TrimSpace(r.Node) == "" {
			return &Refusal{Text{"请说明在哪里：小区、网格或设备", "say where it is: a site, a node of the organisation, or a device"}}
		}
		_, err := tree.Path(ctx, q, r.Node)
		return err
	}
	r.Node = ""
	var n int
	if err := q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sites WHERE id = ?) + (SELECT count(*) FROM node_sites WHERE site = ?)`, r.Site, r.Site).Scan(&n); err != nil {
		return fmt.Errorf("look for site %s: %w", r.Site, err)
	}
	if n == 0 {
		return fmt.Errorf("site %q: %w", r.Site, org.ErrUnknown)
	}
	return nil
}
