// Package program is the form of an update file (.lsu): a manifest, its Ed25519 signature by the vendor's key, and a program of the
// gateway, compressed. The gateway takes such files (gateway/internal/update), the cloud keeps and hands them out (cloud/internal/rollout).
package program

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/linshao/linshao/rules"
)

const (
	magic       = "LSU1\n"
	domain      = "linshao update 1\n" // stands before what is signed, so that no signature of another use of the key fits
	programMost = 256 << 20            // bytes
	windowMost  = 8 << 20              // bytes of memory that a compressed program may ask for
)

// ManifestMost bounds a manifest, FileMost a whole update file, in bytes.
const (
	ManifestMost = 4 << 10
	FileMost     = programMost + 1<<20
)

// Program is what a manifest names: nothing else is taken for a gateway.
const Program = "gateway"

// A Manifest says what an update holds.
type Manifest struct {
	Program string    `json:"program"`           // "gateway"
	Version string    `json:"version"`           // 1.4.0
	OS      string    `json:"os"`                // as Go names them: linux
	Arch    string    `json:"arch"`              // amd64, arm64, arm
	SHA256  string    `json:"sha256"`            // of the program, hexadecimal
	Size    int64     `json:"size"`              // of the program, in bytes
	Minimum string    `json:"minimum,omitempty"` // the oldest version that it may follow; empty: any
	Made    time.Time `json:"made"`
}

// A Refused says in people's words why an update is not taken. Nothing has changed.
type Refused struct {
	Text   rules.Text
	Passes bool // what stands in the way may pass by itself: a full disk, another trial
}

// Error is the English sentence.
func (r *Refused) Error() string { return r.Text.EN }

// Refuse makes a *Refused.
func Refuse(zh, en string, args ...any) error {
	return &Refused{Text: rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}}
}

// NotNow makes a *Refused that may pass.
func NotNow(zh, en string, args ...any) error {
	return &Refused{Text: rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}, Passes: true}
}

func errCut() error {
	return Refuse("更新文件不完整或已损坏", "the update file is cut short or damaged")
}

// Write makes an update of a program: it fills in digest, size and program of the manifest, signs it, and answers it.
func Write(w io.Writer, key ed25519.PrivateKey, m Manifest, program []byte) (Manifest, error) {
	sum := sha256.Sum256(program)
	m.Program, m.SHA256, m.Size = Program, hex.EncodeToString(sum[:]), int64(len(program))
	if err := m.check(); err != nil {
		return m, err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return m, fmt.Errorf("encode manifest: %w", err)
	}
	head := binary.BigEndian.AppendUint32([]byte(magic), uint32(len(body)))
	head = append(append(head, body...), ed25519.Sign(key, append([]byte(domain), body...))...)
	if _, err := w.Write(head); err != nil {
		return m, fmt.Errorf("write update: %w", err)
	}
	z, err := zstd.NewWriter(w, zstd.WithWindowSize(windowMost), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return m, fmt.Errorf("write update: %w", err)
	}
	_, err = z.Write(program)
	if err = errors.Join(err, z.Close()); err != nil {
		return m, fmt.Errorf("write update: %w", err)
	}
	return m, nil
}

func (m Manifest) check() error {
	sum, err := hex.DecodeString(m.SHA256)
	switch {
	case m.Program != Program:
		return Refuse("这不是网关程序：%.40q", "it holds no gateway: %.40q", m.Program)
	case !Known(m.Version), m.Minimum != "" && !Known(m.Minimum):
		return Refuse("版本号看不懂：%.40q %.40q", "the version makes no sense: %.40q %.40q", m.Version, m.Minimum)
	case m.OS == "" || m.Arch == "" || err != nil || len(sum) != sha256.Size || m.Size <= 0 || m.Size > programMost:
		return Refuse("更新清单不完整", "the manifest of the update is not whole")
	}
	return nil
}

// ReadHead reads an update up to its program and answers its manifest, and the signed bytes as they stand. Whatever the bytes are,
// nothing of them counts that the key has not signed.
func ReadHead(r io.Reader, key ed25519.PublicKey) (m Manifest, signed []byte, err error) {
	head := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return m, nil, Refuse("这不是更新文件（.lsu）", "this is no update file (.lsu)")
	}
	n := binary.BigEndian.Uint32(head[len(magic):])
	if n > ManifestMost {
		return m, nil, errCut()
	}
	rest := make([]byte, int(n)+ed25519.SignatureSize)
	if _, err := io.ReadFull(r, rest); err != nil {
		return m, nil, errCut()
	}
	body, signature := rest[:n], rest[n:]
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(domain), body...), signature) {
		return m, nil, Refuse("签名不是厂商的（trust.update_key）", "the signature is not the vendor's (trust.update_key)")
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, nil, Refuse("更新清单读不懂：%v", "the manifest of the update cannot be read: %v", err)
	}
	return m, append(head, rest...), m.check()
}

// Unpack writes the program of an update whose head was read, and answers nil only when it is the one of the manifest.
func Unpack(w io.Writer, r io.Reader, m Manifest) error {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(windowMost))
	if err != nil {
		return fmt.Errorf("unpack update: %w", err)
	}
	defer z.Close()
	sum, in := sha256.New(), &origin{r: z}
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(in, m.Size+1))
	switch {
	case in.err != nil:
		return errCut()
	case err != nil:
		return fmt.Errorf("write program: %w", err)
	case n != m.Size || hex.EncodeToString(sum.Sum(nil)) != m.SHA256:
		return Refuse("程序与签名的清单不符", "the program is not the one of the signed manifest")
	}
	return nil
}

// An origin tells a file that cannot be read from a disk that cannot be written.
type origin struct {
	r   io.Reader
	err error
}

func (o *origin) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		o.err = err
	}
	return n, err
}

// Inspect reads and checks a whole update file.
func Inspect(r io.Reader, key ed25519.PublicKey) (Manifest, error) {
	m, _, err := ReadHead(r, key)
	if err != nil {
		return m, err
	}
	return m, Unpack(io.Discard, r, m)
}

// Fits says whether what lies in a slot is the program of its signed manifest.
func Fits(signed []byte, program io.Reader, key ed25519.PublicKey) (Manifest, error) {
	m, _, err := ReadHead(bytes.NewReader(signed), key)
	if err != nil {
		return m, err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(program, m.Size+1))
	if err != nil {
		return m, fmt.Errorf("read program: %w", err)
	}
	if n != m.Size || hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
		return m, Refuse("程序与签名的清单不符", "the program is not the one of the signed manifest")
	}
	return m, nil
}
