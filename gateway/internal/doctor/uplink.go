package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// Days of a certificate that are left when people are told.
const (
	soon = 25 * 24 * time.Hour // a gateway that has enrolled renews with 30 days left
	day  = 24 * time.Hour
)

// certificates looks at this gateway's own certificate and at the authority that it trusts.
func certificates(site *config.Site, now time.Time) []Finding {
	var found []Finding
	for _, file := range []string{site.Cloud.Cert, site.Cloud.CA} {
		if file != "" {
			found = append(found, certificate(file, now))
		}
	}
	return found
}

func certificate(file string, now time.Time) Finding {
	f := Finding{Area: commission.Text{ZH: "证书", EN: "certificate"}, Subject: file, Level: Problem, Code: "certificate",
		Next: []commission.Text{{ZH: "向街道管理员要一张新证书，放到同一位置，重启网关", EN: "ask the street's operator for a new one, put it in the same place, restart the gateway"}}}
	data, err := os.ReadFile(file)
	if err != nil {
		f.Said = commission.Text{ZH: "读不到：" + reasonOf(err).ZH, EN: "cannot be read: " + reasonOf(err).EN}
		return f
	}
	block, _ := pem.Decode(data)
	if block == nil {
		f.Said = commission.Text{ZH: "不是 PEM 证书", EN: "is no PEM certificate"}
		return f
	}
	c, err := x509.ParseCertificate(block.Bytes)
	switch {
	case err != nil:
		f.Said = commission.Text{ZH: "坏了：" + err.Error(), EN: "is damaged: " + err.Error()}
	case now.Before(c.NotBefore):
		f.Said = commission.Text{ZH: "还没生效（" + c.NotBefore.Format(time.DateOnly) + " 起）：时钟对吗？", EN: "not valid before " + c.NotBefore.Format(time.DateOnly) + ": is the clock right?"}
	case now.After(c.NotAfter):
		f.Said = commission.Text{ZH: "已过期（" + c.NotAfter.Format(time.DateOnly) + "），连不上云", EN: "expired on " + c.NotAfter.Format(time.DateOnly) + ": no way to the cloud"}
	case c.NotAfter.Sub(now) < soon:
		f.Level = Warning
		f.Said = commission.Text{ZH: fmt.Sprintf("%d 天后到期", c.NotAfter.Sub(now)/day), EN: fmt.Sprintf("expires in %d days", c.NotAfter.Sub(now)/day)}
	default:
		f.Level, f.Code, f.Next = Well, "", nil
		f.Said = commission.Text{ZH: fmt.Sprintf("有效，还有 %d 天", c.NotAfter.Sub(now)/day), EN: fmt.Sprintf("valid for %d days", c.NotAfter.Sub(now)/day)}
	}
	return f
}

// uplink says what the running gateway knows of its way to the cloud, or tries it as far as the broker's door.
func uplink(ctx context.Context, site *config.Site, r *Running) []Finding {
	f := Finding{Area: commission.Text{ZH: "上行", EN: "uplink"}, Level: Well}
	if site.Cloud.URL == "" {
		f.Level, f.Code, f.Said = Warning, "alone", commission.Text{ZH: "没有配置云端：读数只留在本机", EN: "no cloud is configured: readings stay here"}
		return []Finding{f}
	}
	u, err := url.Parse(site.Cloud.URL)
	if err != nil {
		return nil // the configuration says so
	}
	address := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"mqtts": "8883"}[u.Scheme], "1883"))
	f.Subject = address
	if r != nil && r.Uplink == "connected" {
		f.Said = commission.Text{ZH: fmt.Sprintf("已连接，待上传 %d 条", r.Backlog), EN: fmt.Sprintf("connected, %d records to send", r.Backlog)}
		return []Finding{f}
	}
	f.Level, f.Code = Problem, "uplink"
	if err := knock(ctx, site.Cloud, u, address); err != nil {
		why, next := refusalOf(err)
		f.Said, f.Next = commission.Text{ZH: "连不上：" + why.ZH, EN: "cannot be reached: " + why.EN}, []commission.Text{next}
		return []Finding{f}
	}
	f.Level, f.Code, f.Said = Well, "", commission.Text{ZH: "可达（网关没有运行，没有登录）", EN: "reachable (the gateway does not run, so nobody logged in)"}
	if r != nil {
		f.Level, f.Code = Problem, "uplink_refused"
		f.Said = commission.Text{ZH: "网络通，但网关没有登录上：多半是证书名字或权限", EN: "reachable, but the gateway is not let in: probably its certificate's name or rights"}
		f.Next = []commission.Text{{ZH: "journalctl -u linshao-gateway | grep broker", EN: "journalctl -u linshao-gateway | grep broker"}}
	}
	return []Finding{f}
}

// knock connects as far as it goes without speaking MQTT: a second session under the gateway's name would end the first.
func knock(ctx context.Context, cloud config.Cloud, u *url.URL, address string) error {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	if u.Scheme == "mqtt" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
	if cloud.CA != "" {
		data, err := os.ReadFile(cloud.CA)
		if err != nil {
			return err
		}
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AppendCertsFromPEM(data)
	}
	if cloud.Cert != "" {
		own, err := tls.LoadX509KeyPair(cloud.Cert, cloud.Key)
		if err != nil {
			return err
		}
		cfg.Certificates = []tls.Certificate{own}
	}
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// refusalOf is why a connection failed and what to do, for people.
func refusalOf(err error) (why, next commission.Text) {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return commission.Text{ZH: "域名查不到", EN: "its name is not found"}, commission.Text{ZH: "看 SIM 卡和 DNS：resolvectl query " + dns.Name, EN: "SIM card and DNS: resolvectl query " + dns.Name}
	case errors.As(err, &unknown):
		return commission.Text{ZH: "服务器的证书不是 ca 签的", EN: "its certificate is not of the authority in ca"}, commission.Text{ZH: "核对 cloud.ca；中间有代理或防火墙吗？", EN: "check cloud.ca; is there a proxy between?"}
	case errors.As(err, &invalid), errors.As(err, &name):
		return commission.Text{ZH: "服务器的证书不合格：" + err.Error(), EN: "its certificate does not do: " + err.Error()}, commission.Text{ZH: "先看本机时钟", EN: "look at this machine's clock first"}
	}
	return reasonOf(err), commission.Text{ZH: "看 SIM 卡、天线、防火墙（端口 8883）", EN: "SIM card, antenna, firewall (port 8883)"}
}

// reasonOf says a system's error in plain words.
func reasonOf(err error) commission.Text {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return commission.Text{ZH: "对方拒绝（端口没有开）", EN: "refused (nothing listens there)"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return commission.Text{ZH: "没有路由", EN: "no route"}
	case errors.Is(err, os.ErrPermission):
		return commission.Text{ZH: "没有权限", EN: "permission denied"}
	case errors.Is(err, os.ErrNotExist):
		return commission.Text{ZH: "没有这个文件", EN: "no such file"}
	case errors.As(err, &timeout) && timeout.Timeout():
		return commission.Text{ZH: "没有应答（3 s）", EN: "no answer (3 s)"}
	}
	return commission.Text{ZH: err.Error(), EN: err.Error()}
}
