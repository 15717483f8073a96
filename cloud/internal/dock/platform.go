package dock

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// installInfo says what and where a device is (annex D, D.1). The name of productingDate is the standard's.
type installInfo struct {
	Company          string `json:"company"`
	Serial           string `json:"serial"`
	Name             string `json:"name"`
	CategoryName     string `json:"categoryName"`
	NetType          string `json:"netType"`
	Client           string `json:"client"`
	Address          string `json:"address"`
	DeviceAddress    string `json:"deviceAddress"`
	OrganizationName string `json:"organizationName"`
	Area             string `json:"area"`
	Responsible      string `json:"responsible"`
}

// statusInfo is the state of a device (annex D, D.2).
type statusInfo struct {
	Company  string `json:"company"`
	Serial   string `json:"serial"`
	Status   Status `json:"status"`
	Datetime string `json:"datetime"`
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 2048

// serial is the number of 27 characters by which a platform knows a device: the same for the same device, for ever.
func serial(gateway, device string) string {
	sum := sha256.Sum256([]byte(gateway + "\x00" + device))
	return "LS" + base32.StdEncoding.EncodeToString(sum[:])[:25]
}

// post introduces a device, when that was not done yet, and tells its state.
func (s *sender) post(ctx context.Context, n *notice) outcome {
	if !n.installed && s.target.InstallURL != "" {
		info, err := s.install(ctx, n)
		if err != nil {
			return outcome{answer: err.Error()}
		}
		if o := s.request(ctx, s.target.InstallURL, info); !o.ok {
			return o
		}
		if err := s.introduced(context.WithoutCancel(ctx), n); err != nil {
			return outcome{answer: err.Error()}
		}
	}
	at := time.UnixMilli(n.at).In(s.service.cfg.Zone).Format(time.DateTime)
	return s.request(ctx, s.target.StatusURL, statusInfo{s.target.Company, serial(n.gateway, n.device), n.status, at})
}

// install tells no phone number: the platform that needs one asks the street.
func (s *sender) install(ctx context.Context, n *notice) (installInfo, error) {
	info := installInfo{Company: s.target.Company, Serial: serial(n.gateway, n.device), Name: n.name, CategoryName: n.kind, NetType: "gateway", Client: n.gateway,
		DeviceAddress: n.place, Area: s.target.Area}
	path, err := tree.PathOf(ctx, s.service.cfg.DB.Reader(), n.site)
	if isUnknown(err) {
		return info, nil
	}
	if err != nil {
		return info, err
	}
	for _, node := range path {
		info.Address += node.Name
	}
	info.OrganizationName = path[len(path)-1].Name
	if d := tree.Responsible(path, s.service.cfg.Now().In(s.service.cfg.Zone).Format(time.DateOnly)); d != nil {
		info.Responsible = d.Name
	}
	return info, nil
}

// request posts JSON; {"success":1} alone means that it was taken.
func (s *sender) request(ctx context.Context, address string, body any) outcome {
	b, err := json.Marshal(body)
	if err != nil {
		return outcome{answer: err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(b))
	if err != nil {
		return outcome{refused: true, answer: "the target's address is not a URL"}
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	for k, v := range s.target.Headers {
		req.Header.Set(k, v)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) { // without the URL, in which a key may stand
			err = ue.Err
		}
		return outcome{answer: err.Error()}
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return outcome{answer: err.Error()}
	}
	var answer struct {
		Success json.Number `json:"success"`
	}
	ok := resp.StatusCode/100 == 2 && json.Unmarshal(said, &answer) == nil && answer.Success == "1"
	busy := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests
	return outcome{ok: ok, refused: !ok && !busy, answer: resp.Status + " " + string(said)}
}
