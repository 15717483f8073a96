// Package packed writes many small rows into one column of bytes and reads them back: numbers as varints, and a table of
// words, because kinds and names repeat. Reading damage never panics and never goes beyond what is there; who reads asks
// Reader.Whole at the end.
package packed

import (
	"encoding/binary"
	"math"
)

// Words numbers words in the order in which they come.
type Words struct {
	index map[string]uint64
	list  []string
}

// Number answers the number of a word, the same for the same word.
func (w *Words) Number(s string) uint64 {
	n, ok := w.index[s]
	if !ok {
		if w.index == nil {
			w.index = map[string]uint64{}
		}
		n = uint64(len(w.list))
		w.index[s] = n
		w.list = append(w.list, s)
	}
	return n
}

// Append writes the table: how many words, then each.
func (w *Words) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(w.list)))
	for _, s := range w.list {
		b = AppendText(b, s)
	}
	return b
}

// AppendText writes a text with its length before it.
func AppendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// A Reader takes bytes apart; after the first mistake it answers zeros.
type Reader struct {
	b   []byte // what is left
	all string // all texts are parts of one string
	bad bool
}

// NewReader reads b, which must not change meanwhile.
func NewReader(b []byte) *Reader { return &Reader{b: b, all: string(b)} }

// Bad says whether there was a mistake.
func (r *Reader) Bad() bool { return r.bad }

// Left is how many bytes are left.
func (r *Reader) Left() int { return len(r.b) }

// Whole says whether everything was read and nothing was wrong.
func (r *Reader) Whole() bool { return !r.bad && len(r.b) == 0 }

func (r *Reader) spoil() { r.bad, r.b = true, nil }

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.spoil()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// Uint reads what binary.AppendUvarint wrote.
func (r *Reader) Uint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // nearly all
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.spoil()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Int reads what binary.AppendVarint wrote.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.spoil()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Text reads what AppendText wrote.
func (r *Reader) Text() string {
	n := r.Uint()
	if n > uint64(len(r.b)) || n > math.MaxInt32 {
		r.spoil()
		return ""
	}
	at := len(r.all) - len(r.b)
	r.b = r.b[n:]
	return r.all[at : at+int(n)]
}

// Words reads a table of words.
func (r *Reader) Words() []string {
	n := r.Uint()
	words := make([]string, 0, min(n, uint64(len(r.b))+1)) // what is claimed is not made room for before it is there
	for ; n > 0 && !r.bad; n-- {
		words = append(words, r.Text())
	}
	return words
}

// Word reads the number of a word and answers the word.
func (r *Reader) Word(words []string) string {
	n := r.Uint()
	if n >= uint64(len(words)) {
		r.spoil()
		return ""
	}
	return words[n]
}
