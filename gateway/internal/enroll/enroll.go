// Package enroll brings a gateway to its certificate and keeps it in one: Enrol makes a key, asks for a certificate with the
// one-time token that an installer brings, and puts both where gateway.yaml looks for them; a Keeper renews it when two
// thirds of its life are over. `gateway enroll` and the app use it.
//
// It promises: the key is made here, with mode 0600, and never leaves; the token is told to nobody but the cloud that it
// names; whatever a power cut leaves, there is a key with its certificate, or the same request can be made again and gets
// the same certificate; the present certificate is given up only when a connection with the next one has stood.
package enroll

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/linshao/linshao/cloud/wire/enrolment"
	"github.com/linshao/linshao/gateway/internal/state"
)

// Config is what Enrol needs.
type Config struct {
	Invitation enrolment.Invitation
	Gateway    string // this gateway's id
	Files      Files
	Data       string // the gateway's data folder
	Lang       string // of the cloud's sentences: zh or en
	Now        func() time.Time
}

// A Result is what came of it.
type Result struct {
	Broker   string // as the cloud knows it; empty: it did not say
	Shard    string
	NotAfter time.Time
	Off      time.Duration // how far this machine's clock is behind the cloud's; below zero: ahead
	Serial   string

	CommandKey string // PEM: with which the cloud signs what it tells gateways; empty: it did not say
}

// ErrOtherGateway: the invitation is for another gateway than this one.
var ErrOtherGateway = errors.New("the token is for another gateway")

// Enrol takes a certificate with a token.
func Enrol(ctx context.Context, cfg Config) (Result, error) {
	in := cfg.Invitation
	if in.Gateway != "" && in.Gateway != cfg.Gateway {
		return Result{}, fmt.Errorf("%w: %s", ErrOtherGateway, in.Gateway)
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return Result{}, fmt.Errorf("make data folder: %w", err)
	}
	var answer enrolment.Answer
	key, err := cfg.Files.nextKey()
	if err != nil {
		return Result{}, err
	}
	csr, err := enrolment.NewCSR(key, cfg.Gateway)
	if err != nil {
		return Result{}, err
	}
	c := &client{cloud: in.Cloud, pin: in.Token.Pin, lang: cfg.Lang, now: cfg.Now}
	if err := c.post(ctx, enrolment.PathEnrol, enrolment.Request{Gateway: cfg.Gateway, Token: in.Token.String(), CSR: csr}, &answer); err != nil {
		return Result{}, err
	}
	cloud := time.UnixMilli(answer.Now)
	if err := c.agreed(cloud); err != nil {
		return Result{}, err
	}
	own, err := cfg.Files.take(answer, key, cfg.Gateway, []byte(answer.Roots))
	if err != nil {
		return Result{}, err
	}
	// The record and the CA first: with the pair in its place all is there.
	if err := (record{Cloud: in.Cloud, Pin: in.Token.Pin, Broker: answer.Broker}).save(cfg.Data); err != nil {
		return Result{}, err
	}
	if err := state.Save(cfg.Files.CA, []byte(answer.Roots)); err != nil {
		return Result{}, err
	}
	if err := cfg.Files.commit(); err != nil {
		return Result{}, err
	}
	return Result{Broker: answer.Broker, Shard: answer.Shard, NotAfter: own.NotAfter, Off: cloud.Sub(cfg.Now()).Round(time.Second), Serial: fmt.Sprintf("%032x", own.SerialNumber), CommandKey: answer.CommandKey}, nil
}

// Enrolled says whether the gateway has enrolled by a token, so that a Keeper can renew its certificate.
func Enrolled(data string) bool {
	_, err := readRecord(data)
	return !errors.Is(err, fs.ErrNotExist)
}
