package evidence

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/linshao/linshao/rules"
)

// A Verdict is what Verify found out about one bundle.
type Verdict struct {
	Head   *Head        // nil: it could not be read so far
	Faults []rules.Text // what is wrong; none: the bundle is as its gateway made it
}

func (v *Verdict) fault(zh, en string, args ...any) {
	v.Faults = append(v.Faults, rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)})
}

// Verify reads a whole bundle and says everything that is wrong with it. keys answers the keys that a gateway is known to
// have. An error is one of reading.
func Verify(r io.Reader, keys func(gateway string) []ed25519.PublicKey) (*Verdict, error) {
	v := &Verdict{}
	c := &counter{r: r}
	h, err := ReadHead(c)
	if c.err != nil {
		return nil, fmt.Errorf("read evidence: %w", c.err)
	}
	if err != nil {
		v.fault("文件开头不是证据包，或清单已损坏：%v", "the beginning is no evidence bundle, or its manifest is damaged: %v", err)
		return v, nil
	}
	v.Head = h
	v.signature(keys(h.Manifest.Gateway))
	for _, p := range h.Manifest.Parts {
		sum := sha256.New()
		n, err := io.Copy(sum, io.LimitReader(c, p.Size))
		if err != nil {
			return nil, fmt.Errorf("read evidence: %w", err)
		}
		if n < p.Size {
			v.fault("「%s」被截断：应有 %d 字节，只有 %d 字节", "%q is cut off: it should have %d bytes and has %d", p.Name, p.Size, n)
			return v, nil
		}
		if hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
			v.fault("「%s」的内容被改动过：它的 SHA-256 与清单不符", "%q was changed: its SHA-256 is not that of the manifest", p.Name)
		}
	}
	if n, _ := io.Copy(io.Discard, io.LimitReader(c, 1)); n > 0 {
		v.fault("末尾多出了不属于证据包的内容", "behind its end is something that is not part of it")
	}
	return v, nil
}

func (v *Verdict) signature(keys []ed25519.PublicKey) {
	m := &v.Head.Manifest
	own := ed25519.PublicKey(m.Key)
	switch {
	case slices.ContainsFunc(keys, v.Head.Signed):
	case !v.Head.Signed(own):
		v.fault("签名不符：清单被改动过，或不是这台网关签的", "the signature does not fit: the manifest was changed, or another than this gateway signed it")
	case len(keys) == 0:
		v.fault("签名与包内自带的公钥相符，但不知道这把公钥是不是网关 %s 的：请用 --key 给出它的公钥", "the signature fits the key that the bundle itself names, but nobody says that this is the key of gateway %s: give its public key with --key", m.Gateway)
	default:
		v.fault("签名用的不是网关 %s 已知的公钥", "it is signed with another key than the known ones of gateway %s", m.Gateway)
	}
}

// Chain says what is wrong between bundles: each must name the one before it of its gateway. Bundles that are not at hand are
// no fault; they are answered as missing, the first and last number of each run.
func Chain(heads []*Head) (faults []rules.Text, missing []Run) {
	heads = slices.Clone(heads)
	slices.SortStableFunc(heads, func(a, b *Head) int {
		return cmp.Or(cmp.Compare(a.Manifest.Gateway, b.Manifest.Gateway), cmp.Compare(a.Manifest.Number, b.Manifest.Number))
	})
	tell := func(zh, en string, args ...any) {
		faults = append(faults, rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)})
	}
	for i, h := range heads {
		m := h.Manifest
		if i == 0 || heads[i-1].Manifest.Gateway != m.Gateway {
			if m.Number > 1 {
				missing = append(missing, Run{m.Gateway, 1, m.Number - 1})
			}
			continue
		}
		last := heads[i-1]
		switch {
		case last.Manifest.Number == m.Number && last.ID != h.ID:
			tell("网关 %s 有两份不同的第 %d 号证据包", "gateway %s has two different bundles of number %d", m.Gateway, m.Number)
		case last.Manifest.Number == m.Number: // the same one twice
		case last.Manifest.Number+1 < m.Number:
			missing = append(missing, Run{m.Gateway, last.Manifest.Number + 1, m.Number - 1})
		case m.Previous != last.ID:
			tell("链断了：网关 %s 第 %d 号证据包所记的前一份不是给出的第 %d 号", "the chain is broken: bundle %[2]d of gateway %[1]s names another one before it than the given number %[3]d", m.Gateway, m.Number, last.Manifest.Number)
		}
	}
	return faults, missing
}

// A Run is a run of bundles of one gateway.
type Run struct {
	Gateway     string
	First, Last uint64
}

// counter remembers an error of reading that is not the end.
type counter struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}
