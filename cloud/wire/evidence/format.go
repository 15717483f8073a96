// Package evidence is the container of what was seen and measured when an alert came: DESIGN.md has its form. Gateways write
// it, the cloud keeps it, and anybody can check it offline with the gateway's public key.
package evidence

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
	"regexp"
	"time"
)

// Limits of a bundle.
const (
	MaxManifest = 40 << 10 // bytes: with what stands before it, it fits the first chunk
	MaxParts    = 64
	MaxSize     = 256 << 20 // bytes of a whole bundle
	ChunkSize   = 48 << 10  // bytes of a bundle that travel in one record
)

const (
	magic  = "LSEVID1\n"
	before = len(magic) + 4 + ed25519.SignatureSize // bytes before the manifest
	domain = "linshao evidence 1\n"                 // stands before what is signed, so that no signature of another use of a key fits
	format = 1
)

// Kinds of parts.
const (
	KindClip     = "clip"     // fragmented MP4
	KindStill    = "still"    // one key frame as fragmented MP4
	KindAlert    = "alert"    // the alert event as JSON, with the values that it saw and why
	KindReadings = "readings" // of ten minutes around it, as CSV
)

// A Manifest says what is in a bundle. What is signed is its JSON, byte for byte.
type Manifest struct {
	Format     int       `json:"format"`
	Gateway    string    `json:"gateway"`
	Site       string    `json:"site"`
	Number     uint64    `json:"number"`             // 1, 2, 3 … of the gateway's bundles
	Previous   string    `json:"previous,omitempty"` // id of number-1; empty: this is the first
	Key        []byte    `json:"key"`                // Ed25519 public key, 32 bytes, of which the signature is
	Made       time.Time `json:"made"`
	Clock      uint32    `json:"clock"`       // quality of the gateway's clock then: 0 unknown, 1 last known, 2 synchronised
	ConfigHash string    `json:"config_hash"` // of the gateway's configuration
	RulesHash  string    `json:"rules_hash"`  // of the rules in force
	Alert      Alert     `json:"alert"`
	Parts      []Part    `json:"parts"`
	Missing    []string  `json:"missing,omitempty"` // what should be in it and is not, and why
}

// An Alert names the alert that a bundle is of.
type Alert struct {
	ID       string    `json:"id"`
	Rule     string    `json:"rule"`
	Version  string    `json:"version"`
	Subject  string    `json:"subject"` // device or zone
	Zone     string    `json:"zone,omitempty"`
	Severity string    `json:"severity"` // A or B
	At       time.Time `json:"at"`       // T0, by the gateway's clock
	TitleZH  string    `json:"title_zh"`
	TitleEN  string    `json:"title_en"`
}

// A Part is a run of bytes behind the manifest; parts follow each other in its order without anything between them.
type Part struct {
	Name   string `json:"name"` // unique in the bundle
	Kind   string `json:"kind"`
	Type   string `json:"type"` // media type
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex
	Video  *Video `json:"video,omitempty"`
}

// A Video says what a clip or a still shows.
type Video struct {
	Camera      string    `json:"camera"` // device
	Name        string    `json:"name"`   // for people
	Codec       string    `json:"codec"`  // RFC 6381
	Width       int       `json:"width"`
	Height      int       `json:"height"`
	Frames      int       `json:"frames"`
	From        time.Time `json:"from"` // gateway clock
	To          time.Time `json:"to"`
	CameraFrom  time.Time `json:"camera_from,omitzero"` // the camera's own clock at From; absent: it did not say
	Holes       []Hole    `json:"holes,omitempty"`
	Interrupted string    `json:"interrupted,omitempty"` // why it is shorter than it should be
}

// A Hole is a time of which there is no picture.
type Hole struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

// A Head is the beginning of a bundle, read and found to be in order but for its signature.
type Head struct {
	Manifest  Manifest
	ID        string // SHA-256 of the manifest's bytes, hex: the name of the bundle
	Size      int64  // of the whole bundle, bytes
	Begin     int64  // where its parts begin
	raw       []byte
	signature []byte
}

var (
	errForm = errors.New("this is no evidence bundle")
	name    = regexp.MustCompile(`^[a-z0-9][a-zA-Z0-9._-]{0,99}$`)
	digest  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	film    = regexp.MustCompile(`^video/mp4(; codecs="[A-Za-z0-9.]{1,60}")?$`) // a browser is handed it
)

// Seal signs a manifest and answers what stands before the parts of its bundle. Format and Key are filled in.
func Seal(m Manifest, key ed25519.PrivateKey) ([]byte, error) {
	m.Format, m.Key = format, key.Public().(ed25519.PublicKey)
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("seal evidence: %w", err)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("seal evidence: %w", err)
	}
	if len(raw) > MaxManifest {
		return nil, fmt.Errorf("seal evidence: manifest of %d bytes, at most %d", len(raw), MaxManifest)
	}
	b := binary.BigEndian.AppendUint32([]byte(magic), uint32(len(raw)))
	b = append(b, ed25519.Sign(key, append([]byte(domain), raw...))...)
	return append(b, raw...), nil
}

func (m *Manifest) check() error {
	if m.Format != format {
		return fmt.Errorf("form %d is not known here", m.Format)
	}
	if m.Number == 0 || (m.Number == 1) != (m.Previous == "") || m.Previous != "" && !digest.MatchString(m.Previous) {
		return errors.New("its place in the chain is not as it must be")
	}
	if len(m.Key) != ed25519.PublicKeySize || m.Gateway == "" || m.Alert.ID == "" || len(m.Parts) == 0 || len(m.Parts) > MaxParts {
		return errors.New("gateway, key, alert or parts are missing")
	}
	names, total := map[string]bool{}, int64(0)
	for _, p := range m.Parts {
		if !name.MatchString(p.Name) || names[p.Name] || p.Size < 0 || p.Size > MaxSize || !digest.MatchString(p.SHA256) ||
			(p.Kind == KindClip || p.Kind == KindStill) != (p.Video != nil) || p.Video != nil && !film.MatchString(p.Type) {
			return fmt.Errorf("part %q is not described as it must be", p.Name)
		}
		names[p.Name] = true
		if total += p.Size; total > MaxSize {
			return fmt.Errorf("it has more than %d bytes", MaxSize)
		}
	}
	return nil
}

// ReadHead reads a bundle up to its parts.
func ReadHead(r io.Reader) (*Head, error) {
	var fixed [before]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil || string(fixed[:len(magic)]) != magic {
		return nil, errForm
	}
	n := binary.BigEndian.Uint32(fixed[len(magic):])
	if n == 0 || n > MaxManifest {
		return nil, errForm
	}
	h := &Head{raw: make([]byte, n), signature: bytes.Clone(fixed[len(magic)+4:]), Begin: int64(before) + int64(n)}
	if _, err := io.ReadFull(r, h.raw); err != nil {
		return nil, fmt.Errorf("%w: its manifest is cut off", errForm)
	}
	d := json.NewDecoder(bytes.NewReader(h.raw))
	if err := d.Decode(&h.Manifest); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if err := h.Manifest.check(); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	sum := sha256.Sum256(h.raw)
	h.ID, h.Size = hex.EncodeToString(sum[:]), h.Begin
	for _, p := range h.Manifest.Parts {
		h.Size += p.Size
	}
	return h, nil
}

// Signed says whether the signature is of a key.
func (h *Head) Signed(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, append([]byte(domain), h.raw...), h.signature)
}

// Find answers where a part lies in the bundle; false: it has none of that name.
func (h *Head) Find(name string) (p Part, at int64, ok bool) {
	at = h.Begin
	for _, p := range h.Manifest.Parts {
		if p.Name == name {
			return p, at, true
		}
		at += p.Size
	}
	return Part{}, 0, false
}

// Chunks is in how many pieces a bundle of so many bytes travels.
func Chunks(size int64) int { return int((size + ChunkSize - 1) / ChunkSize) }
