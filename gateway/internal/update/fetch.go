package update

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire/program"
)

// A Source is where an update file lies.
type Source struct {
	URL     string
	Token   string // Authorization: Bearer
	SHA256  string // of the file, hexadecimal
	Size    int64  // of the file, in bytes
	Version string // that its manifest must name
}

const (
	fetched = "fetched-" // and the digest: an update file, or what is there of it
	stall   = 2 * time.Minute
)

var digest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Fetch brings an update file to the disk, beside the slots, and answers its name. Nothing is written before its head is there, signed
// by the vendor, and is one that Apply would take now; what counts is what Apply finds in it afterwards. What is there of the file
// already is not read again, so that a line that breaks, or a kill, costs what was under way. A *Refused says that the file is not to
// be had; another error may pass.
func (s *Slots) Fetch(ctx context.Context, c *http.Client, from Source, o Options) (name string, err error) {
	if from.Size <= 0 || from.Size > program.FileMost || !digest.MatchString(from.SHA256) {
		return "", program.Refuse("更新文件的大小或摘要不对：%d 字节，%.80q", "an update file of %d bytes with the digest %.80q", from.Size, from.SHA256)
	}
	if err := s.Sweep(from.SHA256); err != nil {
		return "", err
	}
	name = s.slot(fetched + from.SHA256)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("keep update: %w", err)
	}
	sum := sha256.New()
	old, err := io.Copy(sum, io.LimitReader(f, from.Size+1))
	if err == nil && old < from.Size {
		err = s.fetch(ctx, c, from, o, part{f, io.MultiWriter(f, sum), old})
	}
	err = errors.Join(err, f.Close())
	switch {
	case err != nil:
	case hex.EncodeToString(sum.Sum(nil)) == from.SHA256:
		return name, nil
	case old > 0: // a power cut leaves what was never sent
		return "", errors.Join(errors.New("fetch update: what was there of it is none of it: it is begun anew"), os.Remove(name))
	default:
		err = errOther()
	}
	if full(err) {
		err = errFull()
	}
	if _, no := errors.AsType[*Refused](err); no {
		err = errors.Join(err, os.Remove(name))
	}
	return "", err
}

// Sweep removes what was fetched, but for the file of a digest.
func (s *Slots) Sweep(but string) error {
	all, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("look for what was fetched: %w", err)
	}
	for _, e := range all {
		if sum, ok := strings.CutPrefix(e.Name(), fetched); ok && sum != but {
			if err := os.Remove(s.slot(e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove what was fetched: %w", err)
			}
		}
	}
	return nil
}

// A part is what is there of a file.
type part struct {
	file *os.File
	to   io.Writer // the file, and the digest
	have int64
}

// fetch reads the rest of a file.
func (s *Slots) fetch(ctx context.Context, c *http.Client, from Source, o Options, p part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	still := time.AfterFunc(stall, func() { cancel(errors.New("nothing came for two minutes")) })
	defer still.Stop()
	body, err := ask(ctx, c, from, p.have)
	if err != nil {
		return err
	}
	defer body.Close()
	r := alive{body, still}
	if p.have == 0 {
		head, err := s.vet(r, from, o)
		if err != nil {
			return err
		}
		if _, err := p.to.Write(head); err != nil {
			return fmt.Errorf("keep update: %w", err)
		}
		p.have = int64(len(head))
	}
	if err := s.room(from.Size - p.have); err != nil {
		return err
	}
	n, err := io.Copy(p.to, io.LimitReader(r, from.Size-p.have+1))
	switch err = errors.Join(err, p.file.Sync()); {
	case err != nil && context.Cause(ctx) != nil:
		return fmt.Errorf("fetch update: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("fetch update: %w", err)
	case p.have+n < from.Size:
		return fmt.Errorf("fetch update: %w", io.ErrUnexpectedEOF)
	case p.have+n > from.Size:
		return errOther()
	}
	return nil
}

func errOther() error {
	return program.Refuse("下载的文件不是云端说的那个", "what was fetched is not the file that the cloud named")
}

// vet reads the head of a file and answers its bytes, when it is of an update that this gateway would take now.
func (s *Slots) vet(r io.Reader, from Source, o Options) ([]byte, error) {
	line := &origin{r: r}
	m, signed, err := program.ReadHead(line, s.key)
	switch {
	case line.err != nil: // the line broke: of the file nothing is known
		return nil, fmt.Errorf("fetch update: %w", line.err)
	case err != nil:
		return nil, err
	}
	if m.Version != from.Version {
		return nil, program.Refuse("云端说是 %.40q，文件里是 %s", "the cloud says that it is %.40q, the file is %s", from.Version, m.Version)
	}
	return signed, s.alone(func() error {
		k := s.load()
		if o.Installed == "" {
			o.Installed = k.Installed
		}
		return errors.Join(s.admit(m, k, o), s.room(m.Size+from.Size))
	})
}

// alive tells that something came.
type alive struct {
	io.Reader
	still *time.Timer
}

func (a alive) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if n > 0 {
		a.still.Reset(stall)
	}
	return n, err
}

// An origin notes that it could not be read to where somebody wanted to.
type origin struct {
	r   io.Reader
	err error
}

func (o *origin) Read(p []byte) (n int, err error) {
	n, o.err = o.r.Read(p)
	return n, o.err
}

// ask answers the file from some byte on.
func ask(ctx context.Context, c *http.Client, from Source, have int64) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from.URL, nil)
	if err != nil {
		return nil, program.Refuse("下载地址不对：%v", "the address of the update makes no sense: %v", err)
	}
	r.Header.Set("Authorization", "Bearer "+from.Token)
	want := http.StatusOK
	if have > 0 {
		want = http.StatusPartialContent
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	res, err := c.Do(r)
	if err != nil {
		return nil, fmt.Errorf("fetch update: %w", err)
	}
	if res.StatusCode != want || have > 0 && !strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) {
		return nil, errors.Join(fmt.Errorf("fetch update: HTTP status %d", res.StatusCode), res.Body.Close())
	}
	return res.Body, nil
}
