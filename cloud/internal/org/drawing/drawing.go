// Package drawing keeps what maps are drawn from: outlines of parts of the street and positions of sites, as people bring them
// in a GeoJSON file (RFC 7946, WGS 84). The command line and the API write it, the maps read it. It promises that a file is
// taken whole or not at all, and that a mistake is told with the feature that it is in.
package drawing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// A Point is a longitude and a latitude in degrees.
type Point [2]float64

// A Drawing is what a file holds.
type Drawing struct {
	Outlines  map[string][][]Point `json:"outlines" doc:"rings of a node, each closed"`
	Positions map[string]Point     `json:"positions" doc:"of sites"`
}

// A Mistake is why a file was not taken.
type Mistake struct {
	Feature int // from 1; 0: the file as a whole
	Text    rules.Text
}

// Error implements error.
func (m *Mistake) Error() string { return m.Text.EN }

// Limits of a file: far above a street's.
const (
	MaxBytes  = 4 << 20
	maxPoints = 50_000
	maxName   = 80
)

func mistake(feature int, zh, en string, args ...any) error {
	t := rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
	if feature > 0 {
		t = rules.Text{ZH: fmt.Sprintf("第 %d 个要素：%s", feature, t.ZH), EN: fmt.Sprintf("feature %d: %s", feature, t.EN)}
	}
	return &Mistake{feature, t}
}

type feature struct {
	Type       string
	Properties struct {
		Node string
		Site string
	}
	Geometry struct {
		Type        string
		Coordinates json.RawMessage
	}
}

// Parse reads a GeoJSON file: polygons with the property "node" are outlines, points with the property "site" positions.
func Parse(data []byte) (Drawing, error) {
	d := Drawing{Outlines: map[string][][]Point{}, Positions: map[string]Point{}}
	var file struct {
		Type     string
		Features []feature
	}
	if len(data) > MaxBytes {
		return d, mistake(0, "文件超过 %d MB", "the file is larger than %d MB", MaxBytes>>20)
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return d, mistake(0, "不是 JSON：%v", "this is not JSON: %v", err)
	}
	if file.Type != "FeatureCollection" || len(file.Features) == 0 {
		return d, mistake(0, "要一个不空的 GeoJSON FeatureCollection，这里是 %q", "a GeoJSON FeatureCollection with features is needed, this is %q", file.Type)
	}
	points := 0
	for i, f := range file.Features {
		if err := d.take(i+1, f); err != nil {
			return d, err
		}
		for _, ring := range d.Outlines[f.Properties.Node] {
			points += len(ring)
		}
		if points > maxPoints {
			return d, mistake(i+1, "点超过 %d 个，请简化轮廓", "more than %d points: make the outline simpler", maxPoints)
		}
	}
	return d, nil
}

func (d Drawing) take(n int, f feature) error {
	p, g := f.Properties, f.Geometry
	switch g.Type {
	case "Point":
		var at Point
		if p.Site == "" || len(p.Site) > maxName {
			return mistake(n, "点要有属性 site（站点编号）", "a point needs the property site")
		}
		if _, twice := d.Positions[p.Site]; twice {
			return mistake(n, "站点 %q 出现了两次", "site %q stands here twice", p.Site)
		}
		if err := json.Unmarshal(g.Coordinates, &at); err != nil || !at.sound() {
			return mistake(n, "坐标要是 [经度, 纬度]", "coordinates must be [longitude, latitude]")
		}
		d.Positions[p.Site] = at
	case "Polygon", "MultiPolygon":
		if p.Node == "" || len(p.Node) > maxName {
			return mistake(n, "轮廓要有属性 node（组织里的节点编号）", "an outline needs the property node: a node of the organisation")
		}
		var many [][][]Point
		one := [][][]Point{nil}
		err := error(nil)
		if g.Type == "Polygon" {
			err = json.Unmarshal(g.Coordinates, &one[0])
			many = one
		} else {
			err = json.Unmarshal(g.Coordinates, &many)
		}
		if err != nil || len(many) == 0 {
			return mistake(n, "坐标与 %s 不符", "the coordinates are none of a %s", g.Type)
		}
		for _, polygon := range many {
			for _, ring := range polygon {
				if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
					return mistake(n, "环至少要 4 个点，首尾相同", "a ring needs at least 4 points, the last as the first")
				}
				for _, at := range ring {
					if !at.sound() {
						return mistake(n, "%v 不是 [经度, 纬度]", "%v is no [longitude, latitude]", at)
					}
				}
				d.Outlines[p.Node] = append(d.Outlines[p.Node], ring)
			}
		}
	default:
		return mistake(n, "只认 Polygon、MultiPolygon 和 Point，这里是 %q", "only Polygon, MultiPolygon and Point are known, this is %q", g.Type)
	}
	return nil
}

func (p Point) sound() bool {
	return p[0] >= -180 && p[0] <= 180 && p[1] >= -90 && p[1] <= 90 && (p[0] != 0 || p[1] != 0)
}

// Kinds of rows.
const (
	outline  = "outline"
	position = "position"
)

// Save puts a drawing in the place of what there is of the same nodes and sites. A node or site that the organisation does
// not have is a *Mistake, and nothing is changed.
func Save(ctx context.Context, d *db.DB, w Drawing) error {
	return d.Update(ctx, func(tx *sql.Tx) error {
		if err := audit.Add(ctx, tx, audit.Entry{Act: "org.outline", Kind: "org", Detail: map[string]string{"outlines": strconv.Itoa(len(w.Outlines)), "positions": strconv.Itoa(len(w.Positions))}}); err != nil {
			return err
		}
		for node, rings := range w.Outlines {
			if err := known(ctx, tx, `SELECT count(*) FROM nodes WHERE id = ?`, node, "没有编号为 %q 的节点", "there is no node %q"); err != nil {
				return err
			}
			if err := put(ctx, tx, outline, node, rings); err != nil {
				return err
			}
		}
		for site, at := range w.Positions {
			if err := known(ctx, tx, `SELECT count(*) FROM node_sites WHERE site = ?`, site, "组织里没有站点 %q", "the organisation has no site %q"); err != nil {
				return err
			}
			if err := put(ctx, tx, position, site, at); err != nil {
				return err
			}
		}
		return nil
	})
}

func known(ctx context.Context, tx *sql.Tx, query, id, zh, en string) error {
	n := 0
	if err := tx.QueryRowContext(ctx, query, id).Scan(&n); err != nil {
		return fmt.Errorf("look for %s: %w", id, err)
	}
	if n == 0 {
		return mistake(0, zh, en, id)
	}
	return nil
}

func put(ctx context.Context, tx *sql.Tx, kind, subject string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s of %s: %w", kind, subject, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO drawings (kind, subject, content) VALUES (?, ?, ?) ON CONFLICT (kind, subject) DO UPDATE SET content = excluded.content`, kind, subject, string(text)); err != nil {
		return fmt.Errorf("keep %s of %s: %w", kind, subject, err)
	}
	return nil
}

// Read answers what there is of a part of the street.
func Read(ctx context.Context, q db.Querier, part tree.Scope) (Drawing, error) {
	d := Drawing{Outlines: map[string][][]Point{}, Positions: map[string]Point{}}
	nodes, args := part.Nodes("subject")
	sites, more := part.Sites("subject")
	rows, err := q.QueryContext(ctx, `SELECT kind, subject, content FROM drawings WHERE (kind = 'outline' AND `+nodes+`) OR (kind = 'position' AND `+sites+`)`, append(args, more...)...)
	if err != nil {
		return d, fmt.Errorf("read drawings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, subject, content string
		if err := rows.Scan(&kind, &subject, &content); err != nil {
			return d, fmt.Errorf("read drawings: %w", err)
		}
		var rings [][]Point
		var at Point
		if kind == outline {
			err = json.Unmarshal([]byte(content), &rings)
			d.Outlines[subject] = rings
		} else {
			err = json.Unmarshal([]byte(content), &at)
			d.Positions[subject] = at
		}
		if err != nil {
			return d, fmt.Errorf("read %s of %s: %w", kind, subject, err)
		}
	}
	return d, rows.Err()
}

// AsMistake answers the mistake in an error, if it is one.
func AsMistake(err error) (*Mistake, bool) { return errors.AsType[*Mistake](err) }
