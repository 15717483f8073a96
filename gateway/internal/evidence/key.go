package evidence

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/state"
)

// The files of the key in the data folder: it is made on the box and never leaves it; the public half is for people.
const (
	keyFile    = "evidence.key"
	PublicFile = "evidence.pub"
)

// Key reads the gateway's own signing key, and makes one the first time.
func Key(data string) (ed25519.PrivateKey, error) {
	file := filepath.Join(data, keyFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return makeKey(data)
	}
	if err != nil {
		return nil, fmt.Errorf("read evidence key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("read evidence key: %s holds none", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read evidence key: %w", err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read evidence key: it is a %T", parsed)
	}
	return key, nil
}

func makeKey(data string) (ed25519.PrivateKey, error) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make evidence key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make evidence key: %w", err)
	}
	text, err := wire.EncodeKey(public)
	if err != nil {
		return nil, err
	}
	// The public half first: it counts for nothing without the other.
	if err := state.Save(filepath.Join(data, PublicFile), text); err != nil {
		return nil, err
	}
	return key, state.Save(filepath.Join(data, keyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
