package street

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Organisation is the tree of the street's communities, micro-grids and compounds as a CSV file for `cloud org import`,
// below the nodes of configs/demo/org.yaml.
func Organisation(seed uint64, sites int) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	heads := []string{"record", "id", "parent", "kind", "name", "sites", "owner", "owner_phone", "deputy", "deputy_phone", "phone", "position", "stock", "days", "hours"}
	rows := [][]string{heads}
	row := func(values map[string]string) {
		line := make([]string, len(heads))
		for i, h := range heads {
			line[i] = values[h]
		}
		rows = append(rows, line)
	}
	r := rand.New(rand.NewPCG(seed, 1<<40))
	phone := func() string { return fmt.Sprintf("1390000%04d", r.IntN(10000)) }
	all := plan(seed, sites)
	community, grid := map[int]bool{}, map[int]bool{}
	for _, s := range all {
		c, m := "zhaizi", fmt.Sprintf("yf-m%03d", s.grid+1)
		if s.community < len(communities())-1 {
			c = fmt.Sprintf("yf-c%02d", s.community+1)
		}
		if !community[s.community] && c != "zhaizi" {
			community[s.community] = true
			row(map[string]string{"record": "node", "id": c, "parent": "block-3", "kind": "社区", "name": communities()[s.community] + "社区", "owner": person(r), "owner_phone": phone(), "deputy": person(r), "deputy_phone": phone()})
			row(map[string]string{"record": "resource", "parent": c, "kind": "微型消防站", "name": communities()[s.community] + "微型消防站", "position": "社区服务中心一层", "stock": "1"})
			row(map[string]string{"record": "resource", "parent": c, "kind": "应急发电机", "name": "社区发电机", "position": "社区服务中心后院", "stock": "1"})
			row(map[string]string{"record": "team", "parent": c, "kind": "消防灭火", "name": communities()[s.community] + "义务消防队", "phone": phone()})
			for _, h := range []string{"08:00-20:00", "20:00-08:00"} {
				row(map[string]string{"record": "shift", "parent": c, "kind": "值班", "name": person(r), "phone": phone(), "days": "daily", "hours": h})
			}
		}
		if !grid[s.grid] {
			grid[s.grid] = true
			row(map[string]string{"record": "node", "id": m, "parent": c, "kind": "微网格", "name": fmt.Sprintf("%d 号微网格", s.grid+2), "owner": person(r), "owner_phone": phone()})
		}
		node := "n-" + s.id
		row(map[string]string{"record": "node", "id": node, "parent": m, "kind": "小区", "name": s.name, "sites": s.id, "owner": person(r), "owner_phone": phone()})
		row(map[string]string{"record": "resource", "parent": node, "kind": "灭火器", "name": "车棚灭火器", "position": "车棚两侧", "stock": strconv.Itoa(2 + r.IntN(8))})
		row(map[string]string{"record": "resource", "parent": node, "kind": "燃气总阀", "name": "楼栋总阀", "position": "一层表箱", "stock": "1"})
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("write organisation: %w", err)
	}
	return b.Bytes(), nil
}
