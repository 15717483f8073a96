package wire

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// downDomain stands before what is signed, so that no signature of another use of the key fits.
const downDomain = "linshao down 1\n"

// Sign makes the payload of down/command or down/config.
func Sign(key ed25519.PrivateKey, d *Down) ([]byte, error) {
	body, err := proto.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode for %s: %w", d.GetGateway(), err)
	}
	b, err := proto.Marshal(&Signed{Body: body, Signature: ed25519.Sign(key, append([]byte(downDomain), body...))})
	if err != nil {
		return nil, fmt.Errorf("encode for %s: %w", d.GetGateway(), err)
	}
	if len(b) > MaxMessage {
		return nil, fmt.Errorf("encode for %s: %d bytes, at most %d fit a message", d.GetGateway(), len(b), MaxMessage)
	}
	return b, nil
}

// Errors of Open.
var (
	ErrMalformed = errors.New("the message cannot be read")
	ErrSignature = errors.New("the signature is not the cloud's")
	ErrAddressee = errors.New("the message is for another gateway")
)

// Open reads what Sign made, for one gateway. The error is one of the three above: nothing of the message counts then.
func Open(key ed25519.PublicKey, gateway string, payload []byte) (*Down, error) {
	var s Signed
	if len(payload) > MaxMessage || proto.Unmarshal(payload, &s) != nil {
		return nil, ErrMalformed
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(downDomain), s.GetBody()...), s.GetSignature()) {
		return nil, ErrSignature
	}
	var d Down
	if proto.Unmarshal(s.GetBody(), &d) != nil {
		return nil, ErrMalformed
	}
	if d.GetGateway() != gateway {
		return nil, ErrAddressee
	}
	return &d, nil
}

// EncodeKey is a public key as a file has it: PEM, as openssl reads it.
func EncodeKey(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// DecodeKey reads what EncodeKey wrote.
func DecodeKey(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("it holds no PUBLIC KEY in PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the key is a %T, not one of Ed25519", parsed)
	}
	return key, nil
}
