package ascii_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/ascii"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

const siteKey = "0123456789abcdef0123456789abcdef"

// em is STX, ten hexadecimal digits, their checksum, ETX; the lowest 32 bits are what is printed on the card.
func em() ascii.Format {
	return ascii.Format{Frame: `\x02(?P<card>[0-9A-F]{10})(?P<check>[0-9A-F]{2})$`, End: "\x03", Value: "hex", Check: "xor", Bits: 32}
}

func decimal() ascii.Format {
	return ascii.Format{Frame: `^(?P<card>[0-9]{10})$`, End: "\r\n", Value: "decimal"}
}

// Lines that people have seen of such readers, and the number that was printed on the card.
func TestLines(t *testing.T) {
	w26 := ascii.Format{Frame: `^W(?P<card>[01]+)$`, End: "\n", Value: "bits", Bits: 26, Parity: true}
	for _, c := range []struct {
		name   string
		format ascii.Format
		line   string
		card   uint64
		bits   int
	}{
		{"a forum's", em(), "\x02010063E9AE25", 6547886, 32},
		{"the maker's", em(), "\x020100073 4E0D2", 0, 0},
		{"the maker's again", em(), "\x0201000734E0D2", 0x000734E0, 32},
		{"behind noise", em(), "\x02\xFF12\x0201000734E0D2", 0x000734E0, 32},
		{"wrong checksum", em(), "\x0201000734E0D3", 0, 0},
		{"a digit too few", em(), "\x020100734E0D2", 0, 0},
		{"no start", em(), "01000734E0D2", 0, 0},
		{"decimal", decimal(), "0006547886", 6547886, 32},
		{"decimal, too large for a card", decimal(), "9999999999", 0, 0},
		{"bits", w26, "W10111101110110010011011101", 123<<16 | 45678, 24},
		{"bits, first parity wrong", w26, "W00111101110110010011011101", 0, 0},
		{"bits, last parity wrong", w26, "W10111101110110010011011100", 0, 0},
		{"bits, one too many", w26, "W110111101110110010011011101", 0, 0},
		{"hex of 26 bits", ascii.Format{Frame: `(?P<card>.*)`, End: ";", Value: "hex", Bits: 26, Parity: true}, "2F764DD", 123<<16 | 45678, 24},
		{"bytes the other way round", ascii.Format{Frame: `(?P<card>[0-9A-F]{8})`, End: ";", Value: "hex", Reverse: true}, "AEE96300", 6547886, 32},
		{"sum of characters, one byte", ascii.Format{Frame: `(?s)^(?P<card>\d+)(?P<check>.)$`, End: ";", Value: "decimal", Check: "sum-text"}, "12\x63", 12, 32},
		{"sum of bytes", ascii.Format{Frame: `^(?P<card>\w{4})(?P<check>\w\w)$`, End: ";", Value: "hex", Check: "sum"}, "FF0201", 0xFF02, 16},
		{"more than 64 bits", ascii.Format{Frame: `(?P<card>.*)`, End: ";", Value: "hex"}, "112233445566778899", 0, 0},
		{"nothing", ascii.Format{Frame: `(?P<card>.*)`, End: ";", Value: "hex"}, "", 0, 0},
	} {
		card, bits, err := c.format.Decode([]byte(c.line))
		if card != c.card || bits != c.bits || (err == nil) != (c.bits > 0) {
			t.Errorf("%s: %d, %d bits, %v", c.name, card, bits, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "0123456789") {
			t.Errorf("%s: %v tells of the number", c.name, err)
		}
	}
}

// Facility and card where they must be: the first bit is parity, then 8 and 16.
func TestWiegand(t *testing.T) {
	for _, c := range []struct {
		size       int
		card, want uint64
	}{
		{26, 0, 0b0_000000000000_000000000000_1},
		{26, 123<<16 | 45678, 0b1_011110111011_001001101110_1},
		{26, 1<<16 | 0xFFFF, 0b1_000000011111_111111111111_1},
		{26, 255<<16 | 1, 0b0_111111110000_000000000001_0},
		{34, 6547886, 0b0_0000000001100011_1110100110101110_1},
		{34, 0xFFFFFFFF, 0b0_1111111111111111_1111111111111111_1},
		{34, 0x80000000, 0b1_1000000000000000_0000000000000000_1},
	} {
		if got := ascii.Wrap(c.card, c.size); got != c.want {
			t.Errorf("%d of %X: %b, want %b", c.size, c.card, got, c.want)
		}
		if card, ok := ascii.Unwrap(c.want, c.size); !ok || card != c.card {
			t.Errorf("%d of %b: %X %v, want %X", c.size, c.want, card, ok, c.card)
		}
		for bit := range c.size {
			if card, ok := ascii.Unwrap(c.want^1<<bit, c.size); ok {
				t.Errorf("%d of %b with bit %d wrong is taken for %X", c.size, c.want, bit, card)
			}
		}
	}
}

// A card has one number at a site: at an OSDP reader, which tells Wiegand as it comes, and at readers of text.
func TestACardIsTheSameAtEveryReader(t *testing.T) {
	raw := []byte{0b10111101, 0b11011001, 0b00110111, 0b01000000}
	if a, b := ascii.Alias([]byte(siteKey), 123<<16|45678, 24), osdp.CardAlias([]byte(siteKey), 26, raw); a != b || a == 0 {
		t.Errorf("%d and %d", a, b)
	}
	c := &conversation{}
	hex, dec := c.reader(t, em()), c.reader(t, decimal())
	c.say("\x02010063E9AE25\x03")
	first := hex.card(t)
	c.say("0006547886\r\n")
	if second := dec.card(t); first == 0 || first != second {
		t.Errorf("%v in hexadecimal, %v in decimal", first, second)
	}
	if a := ascii.Alias(nil, 1, 24); a != 0 {
		t.Errorf("without a key: %d", a)
	}
}

// A conversation is what a reader says to whoever asks next.
type conversation struct {
	said []byte
	last time.Time
	lost bool
	gone error
}

func (c *conversation) say(text string) { c.said, c.last = append(c.said, text...), time.Now() }

// Take implements the driver's wire.
func (c *conversation) Take(buf []byte) (got []byte, last time.Time, lost bool, err error) {
	got, lost = append(buf, c.said...), c.lost
	c.said, c.lost = nil, false
	return got, c.last, lost, c.gone
}

func (*conversation) Close() error { return nil }

// A heard reader is read at a time that only a test moves.
type heard struct {
	device.Conn
	text string
	now  time.Time
}

func (c *conversation) reader(t testing.TB, f ascii.Format) *heard {
	t.Helper()
	text, err := f.Text()
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{text: text, now: time.Unix(1_800_000_000, 0)}
	h.Conn = ascii.Driver{Now: func() time.Time { return h.now }}.OnWire(c)
	return h
}

// point is a place of the reader.
func (h *heard) point(at string) device.Point {
	return device.Point{Device: "r", Name: at, Address: osdp.Address{CardKey: []byte(siteKey)}.Text(), Register: device.Register{Space: at, Type: h.text}}
}

func (h *heard) read(t testing.TB) (values map[string]float64) {
	t.Helper()
	var points []device.Point
	for _, at := range ascii.Spaces() {
		points = append(points, h.point(at))
	}
	rs, err := h.Read(t.Context(), points)
	if err != nil {
		t.Fatal(err)
	}
	values = map[string]float64{}
	for _, r := range rs {
		if values[r.Point] = r.Value; r.Quality != device.Good {
			t.Fatalf("%+v", r)
		}
	}
	return values
}

func (h *heard) card(t testing.TB) float64 { t.Helper(); return h.read(t)["card"] }

func TestCardsInTheirTurn(t *testing.T) {
	c := &conversation{}
	h := c.reader(t, decimal())
	if v := h.read(t); v["card"] != 0 || v["card_at"] != 0 || v["reads"] != 0 || v["errors"] != 0 {
		t.Errorf("before any card: %v", v)
	}
	one, two := float64(ascii.Alias([]byte(siteKey), 1, 32)), float64(ascii.Alias([]byte(siteKey), 2, 32))
	c.say("0000000001\r\n0000000001\r\n00000")
	h.now = h.now.Add(100 * time.Millisecond)
	if v := h.read(t); v["card"] != one || v["reads"] != 1 || v["card_at"] != 1_800_000_000.1 {
		t.Errorf("a card that is told twice while it stays: %v", v)
	}
	c.say("00002\r\n0000000001\r\n\r\nrubbish\r\n")
	for i, want := range []float64{two, one, one} {
		if v := h.read(t); v["card"] != want || v["reads"] != 3 || v["errors"] != 1 {
			t.Errorf("card %d: %v, want %v", i, v, want)
		}
	}
	h.now = h.now.Add(time.Minute)
	c.say("0000000001\r\n")
	if v := h.read(t); v["card"] != one || v["reads"] != 4 || v["card_at"] != 1_800_000_060.1 {
		t.Errorf("the same card later: %v", v)
	}
	for n := range 20 {
		c.say(fmt.Sprintf("%010d\r\n", 100+n))
	}
	if v := h.read(t); v["reads"] != 24 || v["errors"] != 5 {
		t.Errorf("too many at once: %v", v)
	}
	c.gone = errors.New("unplugged")
	if _, err := h.Read(t.Context(), []device.Point{h.point("card")}); err == nil || strings.Contains(err.Error(), "0000") {
		t.Errorf("a line that is gone: %v", err)
	}
}

func TestHalfALineAndOneThatNeverEnds(t *testing.T) {
	c := &conversation{}
	h := c.reader(t, decimal())
	c.say("00000")
	h.read(t)
	c.last = time.Now().Add(-time.Second)
	h.read(t)
	c.say("0000000001\r\n")
	if v := h.read(t); v["reads"] != 1 || v["errors"] != 1 {
		t.Errorf("behind half a line: %v", v)
	}
	for range 50 {
		c.say(strings.Repeat("7", 100))
		h.read(t)
	}
	c.say("0000000002\r\n0000000003\r\n")
	if v := h.read(t); v["reads"] != 2 || v["errors"] != 2 || v["card"] != float64(ascii.Alias([]byte(siteKey), 3, 32)) {
		t.Errorf("behind one that never ended: %v", v)
	}
}

// Noise without an end costs no card that comes when it is over.
func TestACardLongAfterNoise(t *testing.T) {
	c := &conversation{}
	h := c.reader(t, em())
	c.say(strings.Repeat("7", 300))
	c.last = time.Now().Add(-time.Second)
	h.read(t)
	h.read(t)
	c.say("\x02010063E9AE25\x03")
	if v := h.read(t); v["reads"] != 1 || v["errors"] != 1 {
		t.Errorf("%v", v)
	}
}

// Half a line that was old when it was first seen is not the beginning of the next one.
func TestOldHalfALineBeginsNoCard(t *testing.T) {
	c := &conversation{}
	h := c.reader(t, ascii.Format{Frame: `(?P<card>[0-9]+)`, End: "\n", Value: "decimal"})
	c.say("12")
	c.last = time.Now().Add(-time.Second)
	h.read(t)
	c.say("3456\n")
	if v := h.read(t); v["card"] != float64(ascii.Alias([]byte(siteKey), 3456, 32)) {
		t.Errorf("%v", v)
	}
}

// Where bytes were lost, the head of one line and the tail of another are no card.
func TestLostBytesMakeNoCard(t *testing.T) {
	c := &conversation{}
	h := c.reader(t, ascii.Format{Frame: `(?P<card>[0-9]+)`, End: "\n", Value: "decimal"})
	c.say("11\n12")
	c.lost = true
	one := float64(ascii.Alias([]byte(siteKey), 11, 32))
	if v := h.read(t); v["card"] != one {
		t.Errorf("before: %v", v)
	}
	c.say("34\n")
	if v := h.read(t); v["card"] != one || v["reads"] != 1 {
		t.Errorf("spliced: %v", v)
	}
	c.say("56\n")
	if v := h.read(t); v["card"] != float64(ascii.Alias([]byte(siteKey), 56, 32)) {
		t.Errorf("after: %v", v)
	}
}

func TestWithoutTheSitesKeyNoCardIsTold(t *testing.T) {
	c := &conversation{}
	h := c.reader(t, decimal())
	c.say("0000000001\r\n0000000002\r\n")
	card, reads := h.point("card"), h.point("reads")
	card.Address, reads.Address = "0", "0"
	rs, err := h.Read(t.Context(), []device.Point{card, reads})
	if err != nil || rs[0].Quality != device.Bad || rs[0].Reason != device.Unsupported || rs[1].Value != 2 {
		t.Errorf("%+v, %v", rs, err)
	}
	if err := h.Write(t.Context(), card, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("written: %v", err)
	}
}

func TestFormatsThatAreNone(t *testing.T) {
	good := em()
	for want, change := range map[string]func(f *ascii.Format){
		"no group (?P<card>": func(f *ascii.Format) { f.Frame = "[0-9]+" },
		"missing closing":    func(f *ascii.Format) { f.Frame = "(" },
		"longer than":        func(f *ascii.Format) { f.Frame = strings.Repeat("a", 2000) },
		"end:":               func(f *ascii.Format) { f.End = "" },
		"value:":             func(f *ascii.Format) { f.Value = "octal" },
		"bits:":              func(f *ascii.Format) { f.Bits = 65 },
		"parity:":            func(f *ascii.Format) { f.Parity = true },
		"reverse:":           func(f *ascii.Format) { f.Reverse, f.Bits = true, 26 },
		"check: the":         func(f *ascii.Format) { f.Frame = "(?P<card>.)" },
		"check: xor,":        func(f *ascii.Format) { f.Check = "crc" },
		"needs value: hex":   func(f *ascii.Format) { f.Value = "decimal" },
	} {
		f := good
		change(&f)
		if _, err := f.Text(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	text, err := good.Text()
	if err != nil {
		t.Fatal(err)
	}
	p := device.Point{Register: device.Register{Space: "card", Type: text}}
	if err := ascii.CheckPoint(p); err != nil {
		t.Error(err)
	}
	for _, bad := range []device.Point{{Register: device.Register{Space: "facility", Type: text}}, {Register: device.Register{Space: "card"}}, {Register: p.Register, Writable: []float64{1}}} {
		if ascii.CheckPoint(bad) == nil {
			t.Errorf("%+v can be read", bad)
		}
	}
}

// Whatever is between and in the lines, a card that is told was there, in its order, and with a checksum of one byte of what one bit
// changes none is another.
func TestOnlyCardsThatWereThere(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	c := &conversation{}
	h := c.reader(t, em())
	was, told, right := map[float64]int{0: 0}, 0, 0
	for n := 1; n <= 5000; n++ {
		h.now = h.now.Add(time.Second)
		b := []byte{byte(n >> 16), byte(r.Uint32()), byte(r.Uint32()), byte(n >> 8), byte(n)}
		line := fmt.Appendf(nil, "\x02%X%02X\x03", b, b[0]^b[1]^b[2]^b[3]^b[4])
		was[float64(ascii.Alias([]byte(siteKey), uint64(b[1])<<24|uint64(b[2])<<16|uint64(b[3])<<8|uint64(b[4]), 32))] = n
		switch r.IntN(8) {
		case 0:
			line[r.IntN(len(line))] ^= 1 << r.IntN(8)
		case 1:
			line = line[:r.IntN(len(line))]
		case 2:
			c.say(strings.Repeat("\xFF", r.IntN(9)))
		default:
			right++
		}
		cut := r.IntN(len(line) + 1)
		c.say(string(line[:cut]))
		for _, part := range []string{"", string(line[cut:])} {
			c.say(part)
			at, known := was[h.card(t)]
			if !known || at < told {
				t.Fatalf("seed %d: after line %d another card than any that was there, or out of turn", seed, n)
			}
			told = at
		}
	}
	if v := h.read(t); v["reads"] < float64(right)*0.9 {
		t.Errorf("%v of %d right lines were cards", v["reads"], right)
	}
}

func TestOnALine(t *testing.T) {
	w := linetest.New(t)
	c, err := ascii.Driver{}.Open(t.Context(), device.Channel{Address: w.Path})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's end
	h := (&conversation{}).reader(t, em())
	w.Send([]byte("\x02010063E9AE25\x03")...)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(30 * time.Second); ; {
		rs, err := c.Read(t.Context(), []device.Point{h.point("card")})
		if err != nil {
			t.Fatal(err)
		}
		if rs[0].Value == float64(ascii.Alias([]byte(siteKey), 6547886, 32)) {
			break
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never heard: %+v", rs)
		}
	}
	w.Unplug()
	for limit := time.After(30 * time.Second); ; {
		if _, err := c.Read(t.Context(), []device.Point{h.point("card")}); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("nobody noticed that the line is gone")
		}
	}
}
