package person

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// scrub answers a text in which the person's name and numbers are replaced.
func (s *subject) scrub(text, pseudonym string) string {
	for _, w := range s.words() {
		by := pseudonym
		if slices.Contains(s.phones, w) {
			by = "***"
		}
		text = s.replace(text, w, by)
	}
	return text
}

// mentions says whether a text is about the person.
func (s *subject) mentions(text string) bool { return s.scrub(text, "\x00") != text }

// replace replaces a word where it stands by itself: not inside a longer word of letters and digits, and not inside another
// person's name.
func (s *subject) replace(text, word, by string) string {
	var b strings.Builder
	for at := 0; at < len(text); {
		i := strings.Index(text[at:], word)
		if i < 0 {
			b.WriteString(text[at:])
			break
		}
		i += at
		end := i + len(word)
		if n := s.within(text, i, end); n > 0 {
			b.WriteString(text[at:n])
			at = n
			continue
		}
		b.WriteString(text[at:i])
		if joined(text[:i], word) || joinedAfter(word, text[end:]) {
			b.WriteString(word)
		} else {
			b.WriteString(by)
		}
		at = end
	}
	return b.String()
}

// within answers where another person's longer name ends that a find is a part of; 0: it is not.
func (s *subject) within(text string, from, to int) int {
	for _, name := range s.longer {
		for start := max(0, to-len(name)); start <= from; start++ {
			if strings.HasPrefix(text[start:], name) {
				return start + len(name)
			}
		}
	}
	return 0
}

// joined says whether a word goes on before its begin: a name in Latin letters, or a number, is a part of something longer.
func joined(before, word string) bool {
	a, _ := utf8.DecodeLastRuneInString(before)
	b, _ := utf8.DecodeRuneInString(word)
	return plain(a) && plain(b)
}

func joinedAfter(word, after string) bool {
	a, _ := utf8.DecodeLastRuneInString(word)
	b, _ := utf8.DecodeRuneInString(after)
	return plain(a) && plain(b)
}

// plain is a letter or digit of a script that puts spaces between words.
func plain(r rune) bool {
	return r != utf8.RuneError && (unicode.IsDigit(r) || r == '_' || unicode.IsLetter(r) && !unicode.Is(unicode.Han, r))
}

// otherNumbers finds mobile numbers in words.
func otherNumbers() *regexp.Regexp { return regexp.MustCompile(`\b1[3-9]\d{9}\b`) }

// own masks the numbers of others: a copy is of one person's data.
func (s *subject) own(text string) string {
	return otherNumbers().ReplaceAllStringFunc(text, func(n string) string {
		if slices.Contains(s.phones, n) {
			return n
		}
		return tree.Mask(n)
	})
}
