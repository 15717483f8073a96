// Package login lets a person at the box into the gateway's own pages, with a claim code that the box made for itself: there is
// no default password, and no cloud is needed. The status page stands behind its Door.
//
// It promises: a code has 60 random bits and is never in a log; guessing is slowed down for everybody together; a session ends
// after hours, with the program, or with another code.
package login

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/linshao/linshao/gateway/internal/state"
)

const (
	// letters are Crockford's: none is taken for another, and what people type instead is understood.
	letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	length  = 12 // of a code, in letters of 5 bits
	group   = 4
)

// ErrCode says that a file holds no claim code.
var ErrCode = errors.New("no claim code: make a new one with `gateway code --new`")

// Code is the claim code in a file, of the form "7K2M-Q9TX-D04R"; the first time it is made.
func Code(file string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return NewCode(file)
	}
	if err != nil {
		return "", fmt.Errorf("read claim code: %w", err)
	}
	code := plain(string(data))
	if len(code) != length || strings.Trim(code, letters) != "" {
		return "", fmt.Errorf("read %s: %w", file, ErrCode)
	}
	return grouped(code), nil
}

// NewCode makes a new claim code and puts it into the file, mode 0600, in the place of an old one.
func NewCode(file string) (string, error) {
	random := make([]byte, length)
	rand.Read(random) //nolint:errcheck // it never fails
	for i, b := range random {
		random[i] = letters[b%byte(len(letters))] // 256 is a multiple of 32: all are equally likely
	}
	if err := state.Save(file, append(random, '\n')); err != nil {
		return "", fmt.Errorf("keep claim code: %w", err)
	}
	return grouped(string(random)), nil
}

// plain is a code as it was meant: without dashes and spaces, O for 0, I and L for 1, small letters as large ones.
func plain(typed string) string {
	return strings.NewReplacer("-", "", "—", "", "－", "", " ", "", "\n", "", "\r", "", "\t", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
}

func grouped(code string) string {
	var parts []string
	for at := 0; at < len(code); at += group {
		parts = append(parts, code[at:at+group])
	}
	return strings.Join(parts, "-")
}
