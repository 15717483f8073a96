package enroll

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire/enrolment"
	"github.com/linshao/linshao/rules"
)

// KeeperConfig is what a Keeper needs.
type KeeperConfig struct {
	Gateway   string
	Files     Files
	Data      string
	Synced    func() bool      // whether this machine's clock is right; nil: it is not known
	Connected func() bool      // whether the gateway is connected to the broker
	Redial    func()           // ends the connection to the broker, so that the next one is made at once
	Tell      func(rules.Text) // what people should know; must not block
	Now       func() time.Time
	Log       *slog.Logger
}

// A Keeper keeps the gateway's certificate from ending.
type Keeper struct {
	cfg    KeeperConfig
	record record
	roots  []byte
	trust  *x509.CertPool

	mu        sync.Mutex
	present   *pair
	following *pair         // not used yet; nil: there is none
	offered   *pair         // in the newest connection
	turns     int           // connections since there is a following one
	off       time.Duration // what the cloud's clock is ahead of ours, as last heard

	failed time.Time // of the last attempt; zero: the last one was good
	asked  time.Time // the cloud for its time, on the real clock
	told   int
}

// NewKeeper reads what Enrol has left.
func NewKeeper(cfg KeeperConfig) (*Keeper, error) {
	k := &Keeper{cfg: cfg}
	var err error
	if k.record, err = readRecord(cfg.Data); err != nil {
		return nil, err
	}
	if k.present, k.following, err = cfg.Files.load(); err != nil {
		return nil, err
	}
	if k.roots, err = os.ReadFile(cfg.Files.CA); err != nil {
		return nil, fmt.Errorf("read CA: %w", err)
	}
	k.trust = x509.NewCertPool()
	if !k.trust.AppendCertsFromPEM(k.roots) {
		return nil, fmt.Errorf("read CA %s: it holds no certificate", cfg.Files.CA)
	}
	return k, nil
}

// Certificate is what the gateway shows to the broker: the next certificate when there is one, and the present one in turn with
// it, for as long as no connection with the next one has stood.
func (k *Keeper) Certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.offered = k.present
	if k.following != nil {
		if k.turns%2 == 0 {
			k.offered = k.following
		}
		k.turns++
	}
	return &k.offered.tls, nil
}

// Time is the time by which certificates are looked at. A clock that nobody has set is corrected by what the cloud said, and is
// never before our own certificate was made: that was the cloud's time.
func (k *Keeper) Time() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.cfg.Now()
	if k.cfg.Synced == nil || !k.cfg.Synced() {
		now = now.Add(k.off)
	}
	if now.Before(k.present.own.NotBefore) {
		return k.present.own.NotBefore.Add(time.Second)
	}
	return now
}

// due is when a certificate is renewed: when two thirds of its life are over, three hundredths more or less, by the gateway's
// id, so that those that came together do not renew together.
func (k *Keeper) due(c *x509.Certificate) time.Time {
	life := c.NotAfter.Sub(c.NotBefore)
	h := fnv.New32a()
	h.Write([]byte(k.cfg.Gateway + c.SerialNumber.String()))
	share := float64(h.Sum32())/float64(1<<32)*0.06 - 0.03
	return c.NotBefore.Add(time.Duration((2.0/3 + share) * float64(life)))
}

// Times of a Keeper, as shares of a certificate's life.
const (
	lookShare  = 200  // of life: 11 h of 90 days; at most a minute
	retryShare = 2000 // 65 minutes of 90 days, at most an hour

	hearEvery = 12 * time.Hour
	hearAgain = 10 * time.Minute // after the cloud did not answer
)

// Run renews until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		k.mu.Lock()
		life := k.present.own.NotAfter.Sub(k.present.own.NotBefore)
		k.mu.Unlock()
		k.step(ctx, life)
		timer := time.NewTimer(min(time.Minute, max(life/lookShare, 50*time.Millisecond)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// step does what is due now.
func (k *Keeper) step(ctx context.Context, life time.Duration) {
	if k.settle() {
		return
	}
	k.mu.Lock()
	present, following := k.present, k.following
	k.mu.Unlock()
	k.hear(ctx)
	now := k.Time()
	k.tell(present.own, now)
	if following != nil || now.Before(k.due(present.own)) {
		return
	}
	if !k.failed.IsZero() && k.cfg.Now().Sub(k.failed).Abs() < min(time.Hour, life/retryShare) {
		return
	}
	if err := k.renew(ctx, present); err != nil && ctx.Err() == nil {
		k.failed = k.cfg.Now()
		k.cfg.Log.Warn("certificate not renewed", "until", present.own.NotAfter, "err", err)
		return
	}
	k.failed = time.Time{}
}

// hear asks the cloud for the time while nobody has set this machine's clock: one that stands in the past would never find
// that it is time to renew.
func (k *Keeper) hear(ctx context.Context) {
	if k.cfg.Synced != nil && k.cfg.Synced() || !k.asked.IsZero() && time.Since(k.asked) < hearEvery {
		return
	}
	k.asked = time.Now()
	if _, _, err := k.challenge(ctx); err != nil {
		k.asked = k.asked.Add(hearAgain - hearEvery)
	}
}

// challenge asks for a nonce, and learns the cloud's time with it.
func (k *Keeper) challenge(ctx context.Context) (*client, enrolment.Challenge, error) {
	c := &client{cloud: k.record.Cloud, pin: k.record.Pin, roots: k.trust, system: true, lang: "en", now: k.Time}
	var challenge enrolment.Challenge
	if err := c.post(ctx, enrolment.PathChallenge, struct{}{}, &challenge); err != nil {
		return nil, challenge, err
	}
	cloud := time.UnixMilli(challenge.Now)
	if err := c.agreed(cloud); err != nil {
		return nil, challenge, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.off = cloud.Sub(k.cfg.Now())
	return c, challenge, nil
}

// settle gives up the present certificate when a connection with the next one stands.
func (k *Keeper) settle() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.following == nil || k.offered != k.following || !k.cfg.Connected() {
		return false
	}
	if err := k.cfg.Files.commit(); err != nil {
		k.cfg.Log.Error("renewed certificate not put into its place", "err", err)
		return true
	}
	k.present, k.following, k.turns = k.following, nil, 0
	k.cfg.Log.Info("certificate renewed", "until", k.present.own.NotAfter)
	if k.told > 0 {
		k.cfg.Tell(rules.Text{ZH: "证书已续期", EN: "the certificate is renewed"})
	}
	k.told = 0
	return true
}

// renew takes the next certificate.
func (k *Keeper) renew(ctx context.Context, present *pair) error {
	c, challenge, err := k.challenge(ctx)
	if err != nil {
		return err
	}
	if time.UnixMilli(challenge.Now).Before(k.due(present.own)) { // our clock was ahead
		return nil
	}
	key, err := k.cfg.Files.nextKey()
	if err != nil {
		return err
	}
	csr, err := enrolment.NewCSR(key, k.cfg.Gateway)
	if err != nil {
		return err
	}
	proof, err := enrolment.Prove(present.key, enrolment.ProofText(k.cfg.Gateway, present.fingerprint(), challenge.Nonce, csr))
	if err != nil {
		return fmt.Errorf("prove key: %w", err)
	}
	var answer enrolment.Answer
	err = c.post(ctx, enrolment.PathRenew, enrolment.Renewal{Gateway: k.cfg.Gateway, Fingerprint: present.fingerprint(), CSR: csr, Nonce: challenge.Nonce, Proof: proof}, &answer)
	var refused *Refused
	if errors.As(err, &refused) && refused.Code == "key_used" {
		return errors.Join(err, k.cfg.Files.dropNext())
	}
	if err != nil {
		return err
	}
	if _, err := k.cfg.Files.take(answer, key, k.cfg.Gateway, k.roots); err != nil {
		return err
	}
	following, err := readPair(next(k.cfg.Files.Cert), next(k.cfg.Files.Key))
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.following, k.turns = following, 0
	k.mu.Unlock()
	k.cfg.Redial()
	return nil
}

// tell says in time, and again, that a certificate comes to its end: with a quarter of its life left (22 days of 90), a twelfth,
// and at the end.
func (k *Keeper) tell(c *x509.Certificate, now time.Time) {
	left, life := c.NotAfter.Sub(now), c.NotAfter.Sub(c.NotBefore)
	stage := 0
	switch {
	case left <= 0:
		stage = 3
	case left <= life/12:
		stage = 2
	case left <= life/4:
		stage = 1
	}
	if stage <= k.told {
		return
	}
	k.told = stage
	day := c.NotAfter.UTC().Format(time.DateOnly)
	text := rules.Text{ZH: fmt.Sprintf("证书 %s 到期，还没有续上：云端的网页地址 %s 能访问吗？", day, k.record.Cloud),
		EN: fmt.Sprintf("the certificate ends on %s and could not be renewed: can the cloud's page %s be reached?", day, k.record.Cloud)}
	if stage == 3 {
		text = rules.Text{ZH: fmt.Sprintf("证书已于 %s 过期：请管理员允许续期，或重新注册", day), EN: fmt.Sprintf("the certificate expired on %s: an administrator must let it be renewed, or enrol it anew", day)}
	}
	k.cfg.Tell(text)
}
