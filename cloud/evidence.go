package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/cloud/wire/evidence"
)

type evidenceCmd struct {
	Verify evidenceVerifyCmd `cmd:"" help:"Check offline that evidence bundles are as their gateways made them: signature, every part, and the chain between them."`
	Key    evidenceKeyCmd    `cmd:"" help:"Print the public keys that a gateway signs its evidence with, as this cloud knows them."`
}

type evidenceVerifyCmd struct {
	Files  []string `arg:"" name:"file" help:"Bundles, such as gw-0142-1f03….lse." type:"existingfile"`
	Key    []string `help:"Public key of the gateway, PEM. Can be repeated." type:"existingfile"`
	Config string   `help:"Configuration file of a cloud that knows the gateways' keys, in place of --key." type:"path"`
}

var errForged = errors.New("evidence is not as its gateway made it")

// Run checks the files one by one, then the chain between them.
func (c *evidenceVerifyCmd) Run(ctx context.Context) error {
	given, err := c.keys()
	if err != nil {
		return err
	}
	var lookup error
	keys := func(gateway string) []ed25519.PublicKey {
		if c.Config == "" {
			return given
		}
		cfg, err := app.Load(c.Config)
		if err == nil {
			var known []ed25519.PublicKey
			known, err = app.EvidenceKeys(ctx, cfg, gateway)
			given = append(given, known...)
		}
		lookup = errors.Join(lookup, err)
		return given
	}
	var heads []*evidence.Head
	wrong := false
	for _, name := range c.Files {
		v, err := verifyFile(name, keys)
		if err := errors.Join(err, lookup); err != nil {
			return err
		}
		for _, f := range v.Faults {
			fmt.Printf("✗ %s：%s\n  %s\n", name, f.ZH, f.EN)
		}
		if wrong = wrong || len(v.Faults) > 0; v.Head == nil {
			continue
		}
		heads = append(heads, v.Head)
		if m := v.Head.Manifest; len(v.Faults) == 0 {
			fmt.Printf("✓ %s：网关 %s 第 %d 号，告警 %s（%s），%d 个部分，签名和全部 SHA-256 相符\n  gateway %s, number %d, alert %s (%s), %d parts; signature and every SHA-256 fit\n",
				name, m.Gateway, m.Number, m.Alert.ID, m.Alert.TitleZH, len(m.Parts), m.Gateway, m.Number, m.Alert.ID, m.Alert.TitleEN, len(m.Parts))
		}
	}
	faults, missing := evidence.Chain(heads)
	for _, f := range faults {
		wrong = true
		fmt.Printf("✗ %s\n  %s\n", f.ZH, f.EN)
	}
	for _, r := range missing {
		fmt.Printf("· 没有给出网关 %s 的第 %d–%d 号，它们与其他几份的衔接没有检查\n  numbers %[2]d to %[3]d of gateway %[1]s were not given: how they fit the others was not checked\n", r.Gateway, r.First, r.Last)
	}
	if wrong {
		return errForged
	}
	return nil
}

func (c *evidenceVerifyCmd) keys() (keys []ed25519.PublicKey, err error) {
	for _, name := range c.Key {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		key, err := wire.DecodeKey(text)
		if err != nil {
			return nil, fmt.Errorf("read key %s: %w", name, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func verifyFile(name string, keys func(string) []ed25519.PublicKey) (*evidence.Verdict, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open evidence: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	return evidence.Verify(f, keys)
}

type evidenceKeyCmd struct {
	Gateway string `arg:"" help:"The gateway's id."`
	Config  string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run prints the keys, oldest first.
func (c *evidenceKeyCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	keys, err := app.EvidenceKeys(ctx, cfg, c.Gateway)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("gateway %s has told of no evidence key", c.Gateway)
	}
	for _, k := range keys {
		text, err := wire.EncodeKey(k)
		if err != nil {
			return err
		}
		fmt.Printf("%s", text)
	}
	return nil
}
