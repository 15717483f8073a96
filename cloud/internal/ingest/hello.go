package ingest

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

func (s *Service) hello(ctx context.Context, gateway string, payload []byte) ([]Reply, error) {
	var h wire.Hello
	if err := proto.Unmarshal(payload, &h); err != nil {
		return s.refuse(gateway, "malformed", err)
	}
	if h.GetGateway() != gateway {
		return s.refuse(gateway, "identity", fmt.Errorf("hello of %q on the topic of %q", h.GetGateway(), gateway))
	}
	if len(h.GetStreams()) > 8 || h.GetSession() == 0 {
		return s.refuse(gateway, "malformed", fmt.Errorf("%d streams, session %d", len(h.GetStreams()), h.GetSession()))
	}
	for _, st := range h.GetStreams() {
		if max(st.GetOldest(), st.GetNext()) > math.MaxInt64 {
			return s.refuse(gateway, "malformed", fmt.Errorf("stream %d goes on at %d", st.GetStream(), st.GetNext()))
		}
	}
	now := s.cfg.Now()
	if wait, in := s.door.admit(now); !in {
		return s.later(ctx, &h, wait)
	}
	c, _, err := org.ContactOf(ctx, s.cfg.DB.Reader(), gateway)
	if err != nil {
		return nil, err
	}
	if h.GetSession() != c.Session && h.GetSession() == c.Previous && now.Sub(c.Seen) < alive {
		return s.fence(ctx, gateway, c, h.GetSession(), standing(&h)...) // a newer session has the name, and is alive
	}
	acks, err := s.begin(ctx, &h, now)
	if err != nil {
		return nil, err
	}
	s.hear(gateway, now)
	s.greeted(&h, now)
	s.forget(gateway)
	s.mu.Lock()
	if c.Session != h.GetSession() {
		s.met[gateway] = now
	}
	s.mu.Unlock()
	s.cfg.Log.Info("gateway connected", "gateway", gateway, "version", h.GetVersion(), "boot", h.GetBoot())
	s.changed(gateway)
	return s.replies(ctx, gateway, c.Watched, acks...)
}

// begin makes the session the present one and answers where its streams go on.
func (s *Service) begin(ctx context.Context, h *wire.Hello, now time.Time) (acks []*wire.Ack, err error) {
	gateway := h.GetGateway()
	err = s.update(ctx, gateway, 1, func(ctx context.Context, tx *sql.Tx) error {
		acks = nil
		if err := org.Connect(ctx, tx, h, now); err != nil {
			return err
		}
		if _, err := org.Seen(ctx, tx, gateway, now); err != nil {
			return err
		}
		if err := s.booted(ctx, tx, h, now); err != nil {
			return err
		}
		if s.cfg.Evidence != nil {
			if err := s.cfg.Evidence.Key(ctx, tx, gateway, h.GetEvidenceKey()); err != nil {
				return err
			}
		}
		var retired, asked bool
		forgiven := func() (_ bool, err error) { // all logs that a decommissioned gateway comes back with are new
			if !asked {
				asked = true
				if retired, err = org.Returned(ctx, tx, gateway); err == nil && retired {
					err = org.Note(ctx, tx, org.Entry{At: now, Gateway: gateway, Kind: org.Retired, Text: rules.Text{
						ZH: "停用后重新启用，使用新的日志", EN: "back in service with new logs after it was decommissioned"}})
				}
			}
			return retired, err
		}
		for _, st := range h.GetStreams() {
			cum, err := s.resume(ctx, tx, gateway, st, forgiven)
			if err != nil {
				return err
			}
			acks = append(acks, &wire.Ack{Session: h.GetSession(), Stream: st.GetStream(), Epoch: st.GetEpoch(), Cum: cum})
		}
		return nil
	})
	return acks, err
}

// standing is an answer to each stream of a hello that still lacks where the cloud stands.
func standing(h *wire.Hello) (acks []*wire.Ack) {
	for _, st := range h.GetStreams() {
		acks = append(acks, &wire.Ack{Session: h.GetSession(), Stream: st.GetStream(), Epoch: st.GetEpoch(), Cum: ^uint64(0)})
	}
	return acks
}

// later answers a hello without its work: where the cloud stands, no credit, and when to say hello again. Nothing is
// changed, so the session does not count yet.
func (s *Service) later(ctx context.Context, h *wire.Hello, wait time.Duration) ([]Reply, error) {
	s.metrics.refused.WithLabelValues("herd").Inc()
	acks := standing(h)
	for _, a := range acks {
		cum, err := inbox.Cum(ctx, s.cfg.DB.Reader(), inbox.Cursor{Gateway: h.GetGateway(), Stream: a.GetStream(), Epoch: a.GetEpoch()})
		if err != nil {
			return nil, err
		}
		a.Cum, a.RetryAfterMs, a.TimeMs = cum, uint32(wait.Milliseconds()), s.cfg.Now().UnixMilli()
	}
	return encode(h.GetGateway(), acks)
}

// resume answers where a stream goes on, and notes what is missing between there and what the gateway still holds.
func (s *Service) resume(ctx context.Context, tx *sql.Tx, gateway string, st *wire.StreamState, forgiven func() (bool, error)) (uint64, error) {
	c, replaced, err := inbox.Begin(ctx, tx, inbox.Cursor{Gateway: gateway, Stream: st.GetStream(), Epoch: st.GetEpoch()})
	if err != nil {
		return 0, err
	}
	name := wire.StreamName(c.Stream)
	given := false
	if replaced {
		if given, err = forgiven(); err != nil {
			return 0, err
		}
	}
	if replaced && !given {
		if err := s.loss(ctx, tx, gateway, rules.Text{
			ZH: fmt.Sprintf("网关的%s日志换了新的一份，旧日志中未上传的记录可能已丢失", streamZH(c.Stream)),
			EN: fmt.Sprintf("the gateway has a new %s log: records of the old one that had not arrived may be lost", name)}); err != nil {
			return 0, err
		}
	}
	if st.GetNext() > 0 && c.Cum >= st.GetNext() {
		err := s.loss(ctx, tx, gateway, rules.Text{
			ZH: fmt.Sprintf("网关的%s日志倒退了（云端已有到 %d，网关下一条是 %d），可能恢复过旧磁盘", streamZH(c.Stream), c.Cum, st.GetNext()),
			EN: fmt.Sprintf("the gateway's %s log went back (%d is here, its next is %d): was an old disk restored?", name, c.Cum, st.GetNext())})
		return c.Cum, err
	}
	if c, err = inbox.SkipGaps(ctx, tx, c); err != nil {
		return 0, err
	}
	held := st.GetOldest()
	if held == 0 {
		held = st.GetNext()
	}
	if held > c.Cum+1 {
		if err := s.jump(ctx, tx, &c, held-1); err != nil {
			return 0, err
		}
	}
	return c.Cum, inbox.Save(ctx, tx, c)
}

// jump moves the cursor over records that the gateway does not have and never explained.
func (s *Service) jump(ctx context.Context, tx *sql.Tx, c *inbox.Cursor, to uint64) error {
	if err := inbox.AddGap(ctx, tx, *c, inbox.Gap{First: c.Cum + 1, Last: to, Reason: "missing"}); err != nil {
		return err
	}
	if err := s.loss(ctx, tx, c.Gateway, rules.Text{
		ZH: fmt.Sprintf("%s记录 %d–%d 在网关和云端都不存在", streamZH(c.Stream), c.Cum+1, to),
		EN: fmt.Sprintf("%s records %d–%d exist neither at the gateway nor here", wire.StreamName(c.Stream), c.Cum+1, to)}); err != nil {
		return err
	}
	moved, err := inbox.SkipGaps(ctx, tx, *c)
	*c = moved
	return err
}

func (s *Service) loss(ctx context.Context, tx *sql.Tx, gateway string, t rules.Text) error {
	s.cfg.Log.Warn("possible data loss", "gateway", gateway, "what", t.EN)
	return org.Note(ctx, tx, org.Entry{At: s.cfg.Now(), Gateway: gateway, Kind: org.PossibleLoss, Text: t})
}

func streamZH(stream uint32) string {
	switch stream {
	case wire.StreamEvents:
		return "事件"
	case wire.StreamTelemetry:
		return "遥测"
	}
	return "证据"
}

// replies fills in what all acknowledgements share and encodes them. watched is until when SQL says that somebody looks.
func (s *Service) replies(ctx context.Context, gateway string, watched time.Time, acks ...*wire.Ack) ([]Reply, error) {
	if err := s.pressure.count(ctx); err != nil {
		return nil, err
	}
	linger := s.linger(gateway, watched)
	for _, a := range acks {
		credit, wait := s.pressure.credit(gateway, a.GetStream())
		a.TimeMs, a.LingerMs, a.Credit, a.RetryAfterMs = s.cfg.Now().UnixMilli(), linger, credit, uint32(wait.Milliseconds())
	}
	return encode(gateway, acks)
}

func encode(gateway string, acks []*wire.Ack) ([]Reply, error) {
	var out []Reply
	for _, a := range acks {
		b, err := proto.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("encode ack: %w", err)
		}
		out = append(out, Reply{wire.Topic(gateway, wire.DownAck), b})
	}
	return out, nil
}
