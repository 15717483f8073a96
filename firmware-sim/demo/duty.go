package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// roundHours is what the demo's organisation says about when its patrol begins; zone is that of the demo's cloud.
const (
	roundHours = `hours: "08:00,14:00,20:00"`
	zone       = 8 * time.Hour
)

// roundsSoon lets a round of the demo's patrol begin within a minute and a half too, so that whoever opens the page has one to walk.
func roundsSoon(tree []byte, now time.Time) []byte {
	soon := now.UTC().Add(zone + 90*time.Second).Format("15:04")
	return bytes.Replace(tree, []byte(roundHours), []byte(strings.Replace(roundHours, `"08:00`, `"`+soon+`,08:00`, 1)), 1)
}

// deed is something that a person of the demo's street does over the API.
type deed struct{ method, path, body string }

// duty keeps a plan of duty checks (查岗) at the street, and asks once.
func (d *Demo) duty(ctx context.Context) error {
	return d.do(ctx,
		deed{http.MethodPut, "/org/yunfeng/duty-plan", `{"hours":"22:00-06:00","times":2,"minutes":5}`},
		deed{http.MethodPost, "/org/yunfeng/duty-checks", `{"minutes":30}`})
}

// people makes the accounts that such a street has, nobody of whom has logged in yet, and gives an order (一键下达) to which one
// part has answered.
func (d *Demo) people(ctx context.Context) error {
	var all []deed
	for _, p := range [][3]string{
		{"陈主任", "street", "yunfeng"}, {"李书记", "community", "zhaizi"}, {"王网格员", "grid", "zhaizi-g1"}, {"赵经理", "property", "jinxiu-yuan"},
		{"钱经理", "property", "cuihu-yuan"}, {"周安装", "installer", "yunfeng"}, {"何审计", "auditor", "yunfeng"},
	} {
		all = append(all, deed{http.MethodPost, "/users", fmt.Sprintf(`{"name":%q,"grants":[{"role":%q,"node":%q}]}`, p[0], p[1], p[2])})
	}
	order := fmt.Sprintf(`{"text":"今晚降温，请各小区在时限前查一遍车棚和消防通道，楼道里充电的当场劝离。","needs":"done","due":%d}`, time.Now().Add(6*time.Hour).UnixMilli())
	return d.do(ctx, append(all, deed{http.MethodPost, "/org/zhaizi/orders", order}, deed{http.MethodPost, "/orders/1/receipt", `{"node":"cuihu-yuan","done":true,"note":"车棚、东门通道都已查看"}`})...)
}

func (d *Demo) do(ctx context.Context, deeds ...deed) error {
	for _, one := range deeds {
		request, err := http.NewRequestWithContext(ctx, one.method, d.URL+"/api/v1"+one.path, strings.NewReader(one.body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("play people of the demo: %w", err)
		}
		if err := answer.Body.Close(); err != nil {
			return err
		}
		if answer.StatusCode >= 300 {
			return fmt.Errorf("play people of the demo: %s %s answers %s", one.method, one.path, answer.Status)
		}
	}
	return nil
}
