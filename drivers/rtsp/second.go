package rtsp

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/device"
)

// second is a session of gortsplib: for what the given package cannot do, which is UDP, H.265, SHA-256 digests, and cameras
// that have made it panic.
type second struct {
	client *gortsplib.Client
	media  *description.Media
	format format.Format
}

// errElsewhere is a library that wanted to go where it was not sent.
var errElsewhere = errors.New("another address than the camera's")

// dialSecond sets the stream up and does not play it yet.
func (w *watcher) dialSecond(ctx context.Context, s stream, udp bool) (session, device.Reason) {
	protocol := gortsplib.ProtocolTCP
	if udp {
		protocol = gortsplib.ProtocolUDP
	}
	host := s.url.Hostname()
	guard := func(r *base.Response) {
		if offered := r.Header["WWW-Authenticate"]; s.strange && len(offered) > 0 {
			r.Header["WWW-Authenticate"] = digests(offered)
		}
	}
	c := &gortsplib.Client{
		Scheme: s.url.Scheme, Host: s.url.Host, Protocol: &protocol, ReadTimeout: silence, WriteTimeout: connectLimit,
		UserAgent: "linshao",
		DialContext: func(dial context.Context, network, address string) (net.Conn, error) {
			if to, _, err := net.SplitHostPort(address); err != nil || to != host {
				return nil, errElsewhere
			}
			dial, cancel := context.WithTimeout(dial, connectLimit)
			defer cancel()
			return (&net.Dialer{}).DialContext(dial, network, address)
		},
		OnDecodeError:     func(error) {}, // the unpacker sees for itself what is missing
		OnPacketsLost:     func(uint64) {},
		OnTransportSwitch: func(error) {},
		OnResponse:        guard,
	}
	if err := c.Start(); err != nil {
		return nil, reasonOfSecond(err)
	}
	stop := context.AfterFunc(ctx, c.Close)
	opened, err := setUp(c, s)
	if !stop() || err != nil {
		c.Close()
		if err == nil {
			err = context.Cause(ctx)
		}
		return nil, reasonOfSecond(err)
	}
	return opened, device.ReasonNone
}

func setUp(c *gortsplib.Client, s stream) (*second, error) {
	u, err := base.ParseURL(s.url.String())
	if err != nil {
		return nil, fmt.Errorf("read address: %w", err)
	}
	desc, _, err := c.Describe(u)
	if err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	for _, m := range desc.Medias {
		if m.Type != description.MediaTypeVideo {
			continue
		}
		for _, f := range m.Formats {
			if f.PayloadType() == s.payload {
				if _, err := c.Setup(desc.BaseURL, m, 0, 0); err != nil {
					return nil, fmt.Errorf("set up: %w", err)
				}
				return &second{c, m, f}, nil
			}
		}
	}
	return nil, errors.New("the stream is not there any more")
}

func (s *second) play(ctx context.Context, to receiver) device.Reason {
	defer s.client.Close()
	stop := context.AfterFunc(ctx, s.client.Close)
	defer stop()
	s.client.OnPacketRTP(s.media, s.format, func(p *rtp.Packet) { to.packet(p) })
	s.client.OnPacketRTCP(s.media, func(p rtcp.Packet) { to.report(p) })
	if _, err := s.client.Play(nil); err != nil {
		return reasonOfSecond(err)
	}
	err := s.client.Wait()
	if ctx.Err() != nil {
		return device.ReasonNone
	}
	return reasonOfSecond(err)
}

// reasonOfSecond tells apart what a person would do something different about.
func reasonOfSecond(err error) device.Reason {
	var status liberrors.ErrClientBadStatusCode
	var udp liberrors.ErrClientUDPTimeout
	var tcp liberrors.ErrClientTCPTimeout
	var network net.Error
	switch {
	case errors.As(err, &status):
		return reasonOfCode(int(status.Code))
	case errors.Is(err, errElsewhere):
		return device.Refused
	case errors.As(err, &udp), errors.As(err, &tcp), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return device.Timeout
	}
	return device.ChannelDown
}
