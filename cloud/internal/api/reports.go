package api

import (
	"context"
	"strings"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
)

type reportIn struct {
	Key  string `header:"Idempotency-Key" required:"true" minLength:"8" maxLength:"80" doc:"made by the phone, another one for each report: sent again, it is the same report"`
	Body struct {
		Kind      string   `json:"kind" enum:"fire,gas,charging,passage,door,water,device,other" doc:"火情烟雾, 燃气异味, 充电隐患, 消防通道堵塞, 门禁异常, 积水漏水, 设备故障, 其他"`
		Text      string   `json:"text" minLength:"1" maxLength:"500"`
		Severity  string   `json:"severity,omitempty" enum:"A,B,C" doc:"absent: as the kind has"`
		Site      string   `json:"site,omitempty" maxLength:"64"`
		Node      string   `json:"node,omitempty" maxLength:"64" doc:"of the organisation, when it is at no site"`
		Place     string   `json:"place,omitempty" maxLength:"80" doc:"where exactly, in people's words"`
		Gateway   string   `json:"gateway,omitempty" maxLength:"64"`
		Device    string   `json:"device,omitempty" maxLength:"64" doc:"of the gateway"`
		Photos    []string `json:"photos,omitempty" maxItems:"20" doc:"ids of photos that were uploaded before"`
		Source    string   `json:"source,omitempty" enum:"person,complaint" default:"person" doc:"complaint: a resident called, such as 12345"`
		Reference string   `json:"reference,omitempty" maxLength:"40" doc:"number of another system, such as of the call"`
	}
}

// reportSeen makes an incident of what somebody saw (一键上报).
func (a *API) reportSeen(ctx context.Context, in *reportIn) (*detailOut, error) {
	b := in.Body
	need, where := access{auth.Work, ofSite}, b.Site
	switch {
	case b.Device != "":
		need, where = access{auth.Work, ofGateway}, b.Gateway
	case b.Site == "" && b.Node != "":
		need, where = access{auth.Work, ofNode}, b.Node
	case b.Site == "":
		return nil, &incident.Refusal{Text: incident.Text{ZH: "请说明在哪里：小区、网格或设备", EN: "say where it is: a site, a node of the organisation, or a device"}}
	}
	if err := a.check(ctx, need, func(string) string { return where }); err != nil {
		return nil, err
	}
	id, err := a.cfg.Incidents.Report(ctx, incident.Person{Name: callerOf(ctx).user.Name}, in.Key, incident.Reporting{Kind: b.Kind, Text: strings.TrimSpace(b.Text), Severity: b.Severity, Site: b.Site, Node: b.Node,
		Place: strings.TrimSpace(b.Place), Gateway: b.Gateway, Device: b.Device, Photos: b.Photos, Source: b.Source, Reference: strings.TrimSpace(b.Reference)})
	return a.after(ctx, id, err)
}
