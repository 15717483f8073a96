// Package enrolment is what a gateway and the cloud say to each other about certificates: the one-time token that an
// installer carries from one to the other, the requests and answers as JSON over HTTP, the form of a request for a
// certificate, and the proof that a gateway which asks for its next certificate holds the key of the present one. Both
// programs use it; it needs the standard library alone and opens no connection.
package enrolment

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"strings"
)

// A Token lets one gateway enrol once. It is secret.
type Token struct {
	Secret [16]byte
	Pin    Pin // of a certificate in the chain that the cloud's page shows
}

// A Pin is the first half of a certificate's SHA-256 fingerprint: nobody can make a second certificate with the same.
type Pin [16]byte

// PinOf answers the pin of a certificate's DER.
func PinOf(der []byte) Pin {
	sum := sha256.Sum256(der)
	return Pin(sum[:16])
}

// String is for people to compare.
func (p Pin) String() string { return strings.ToUpper(hex.EncodeToString(p[:])) }

// NewToken makes a token.
func NewToken(pin Pin) Token {
	t := Token{Pin: pin}
	rand.Read(t.Secret[:]) //nolint:errcheck // crypto/rand never fails
	return t
}

// Hash is what the cloud keeps of a token: it finds the token, and nobody makes the token from it.
func (t Token) Hash() string {
	sum := sha256.Sum256(append([]byte("linshao enrolment token\n"), t.Secret[:]...))
	return hex.EncodeToString(sum[:])
}

// Is says in constant time whether a hash is the token's.
func (t Token) Is(hash string) bool {
	return subtle.ConstantTimeCompare([]byte(t.Hash()), []byte(hash)) == 1
}

// The text of a token: "LS1", then 55 characters in groups of five. The alphabet has no I, L, O and U, and reads i and l as
// 1, o as 0: a token can be typed from paper.
const (
	mark     = "LS1"
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	bytesAll = 34 // secret, pin, check
	chars    = (bytesAll*8 + 4) / 5
	group    = 5
)

// Mistakes of a token's text.
var (
	ErrNoToken  = errors.New("this is no enrolment token: it begins with LS1 and has 55 characters after that")
	ErrMistyped = errors.New("the token is mistyped or cut off")
)

// String is the token as text: secret.
func (t Token) String() string {
	raw := t.bytes()
	var b strings.Builder
	b.WriteString(mark)
	for i := range chars {
		if i%group == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[five(raw, i)])
	}
	return b.String()
}

func (t Token) bytes() []byte {
	raw := make([]byte, 0, bytesAll)
	raw = append(append(raw, t.Secret[:]...), t.Pin[:]...)
	sum := crc32.ChecksumIEEE(raw)
	return append(raw, byte(sum>>8), byte(sum))
}

// five answers the five bits of a character's place, the last ones filled up with zeros.
func five(raw []byte, place int) int {
	v := 0
	for i := place * 5; i < place*5+5; i++ {
		v <<= 1
		if i/8 < len(raw) {
			v |= int(raw[i/8]>>(7-i%8)) & 1
		}
	}
	return v
}

// ParseToken reads a token as people bring it: in small or capital letters, with or without the dashes, in several lines.
func ParseToken(text string) (Token, error) {
	if len(text) > 1000 {
		return Token{}, ErrNoToken
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == ' ' || r == '\t' || r == '\n' || r == '\r':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, text)
	rest, ok := strings.CutPrefix(text, mark)
	if !ok {
		return Token{}, ErrNoToken
	}
	if len(rest) != chars {
		return Token{}, ErrMistyped
	}
	raw := make([]byte, bytesAll+1)
	for i, r := range strings.NewReplacer("I", "1", "L", "1", "O", "0").Replace(rest) {
		v := strings.IndexRune(alphabet, r)
		if v < 0 {
			return Token{}, ErrMistyped
		}
		for bit := range 5 {
			if at := i*5 + bit; v>>(4-bit)&1 == 1 {
				raw[at/8] |= 1 << (7 - at%8)
			}
		}
	}
	if raw[bytesAll] != 0 {
		return Token{}, ErrMistyped
	}
	var t Token
	copy(t.Secret[:], raw)
	copy(t.Pin[:], raw[16:])
	if string(t.bytes()) != string(raw[:bytesAll]) {
		return Token{}, ErrMistyped
	}
	return t, nil
}

// An Invitation is all that an installer brings to the box: where the cloud is, for which gateway, and the token.
type Invitation struct {
	Cloud   string // the page's address, https://host[:port]
	Gateway string // empty: whatever the box is configured as
	Token   Token
}

// String is the invitation as one text, for a QR code or the clipboard.
func (i Invitation) String() string {
	return strings.TrimRight(i.Cloud, "/") + "/enrol#" + i.Gateway + "/" + i.Token.String()
}

// ParseInvitation reads an invitation or, with the cloud given beside it, a token alone.
func ParseInvitation(text, cloud string) (Invitation, error) {
	text = strings.TrimSpace(text)
	before, after, whole := strings.Cut(text, "/enrol#")
	in := Invitation{Cloud: cloud}
	if whole {
		gateway, token, ok := strings.Cut(after, "/")
		if !ok {
			return Invitation{}, ErrMistyped
		}
		if in.Gateway, text = gateway, token; cloud == "" {
			in.Cloud = before
		}
	}
	var err error
	if in.Token, err = ParseToken(text); err != nil {
		return Invitation{}, err
	}
	if in.Cloud, err = CheckCloud(in.Cloud); err != nil {
		return Invitation{}, err
	}
	return in, nil
}

// ErrPlain: a token must not leave the machine unprotected.
var ErrPlain = errors.New("a cloud beyond this machine is reached by https:// alone")

// CheckCloud answers the address of a cloud without what follows the host.
func CheckCloud(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Hostname() == "" || u.User != nil {
		return "", fmt.Errorf("the cloud's address is written https://host or https://host:port")
	}
	switch u.Scheme {
	case "https":
	case "http":
		if h := u.Hostname(); h != "localhost" && h != "127.0.0.1" && h != "::1" {
			return "", ErrPlain
		}
	default:
		return "", fmt.Errorf("the cloud's address is written https://host or https://host:port")
	}
	return u.Scheme + "://" + u.Host, nil
}
