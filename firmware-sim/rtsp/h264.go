// Package rtsp is a simulated camera: a pure-Go H.264 picture that any decoder accepts, served over RTSP on loopback by
// gortsplib. It can be taken down, silenced and frozen while somebody watches.
package rtsp

import "math/bits"

// Pictures writes baseline H.264 without compression: a key frame is all I_PCM macroblocks, the frames between are
// skipped macroblocks but for a bright block that wanders through the middle as I_PCM, so that a person sees it live. It costs no arithmetic and decodes exactly.
type Pictures struct {
	w, h int // macroblocks of 16×16
	num  uint32
	idr  uint32
	key  []byte

	scene int // moment of the last key frame
	at    int // where the block was drawn last
}

// NewPictures makes a source; width and height are rounded up to 16 pixels.
func NewPictures(width, height int) *Pictures {
	return &Pictures{w: max(1, (width+15)/16), h: max(1, (height+15)/16)}
}

// Slice types and macroblock types of the standard.
const (
	sliceP      = 5
	sliceI      = 7
	pcmInI      = 25
	pcmInP      = 5 + pcmInI
	flatInI     = 3 // 16×16, predicted as the neighbours' mean, no coefficients
	nalSPS      = 0x67
	nalPPS      = 0x68
	nalKey      = 0x65
	nalBetween  = 0x41
	baseline    = 66
	level30     = 30
	frameNumLog = 8
)

// SPS is the sequence parameter set.
func (p *Pictures) SPS() []byte {
	var w bitWriter
	w.bits(8, baseline)
	w.bits(8, 0xC0) // constrained baseline
	w.bits(8, level30)
	w.golomb(0)
	w.golomb(frameNumLog - 4)
	w.golomb(2) // output order is decoding order
	w.golomb(1) // one reference frame
	w.bits(1, 0)
	w.golomb(uint32(p.w - 1))
	w.golomb(uint32(p.h - 1))
	w.bits(4, 0b1100) // frames only, direct 8x8, no cropping, no VUI
	return w.nal(nalSPS)
}

// PPS is the picture parameter set.
func (p *Pictures) PPS() []byte {
	var w bitWriter
	w.golomb(0)
	w.golomb(0)
	w.bits(2, 0) // CAVLC, no order
	w.golomb(0)
	w.golomb(0)
	w.golomb(0)
	w.bits(3, 0)
	w.golomb(0)
	w.golomb(0)
	w.golomb(0)
	w.bits(3, 0b100) // deblocking control present
	return w.nal(nalPPS)
}

// Key is a key frame of a scene at a moment: the same moment gives the same picture.
func (p *Pictures) Key(moment int) []byte {
	w := bitWriter{b: p.key[:0]}
	p.begin(&w)
	p.scene, p.at = moment, moment
	for mb := range p.w * p.h {
		w.golomb(pcmInI)
		p.sample(&w, mb, moment)
	}
	p.key = w.b
	return w.nal(nalKey)
}

// begin writes the slice header of a key frame.
func (p *Pictures) begin(w *bitWriter) {
	w.golomb(0)
	w.golomb(sliceI)
	w.golomb(0)
	w.bits(frameNumLog, 0)
	w.golomb(p.idr % 2)
	p.idr++
	p.num = 1
	w.bits(2, 0)
	w.golomb(0)
	w.golomb(1) // no deblocking
}

// Between is the frame after the last one: the block wanders when the moment does; negative moments move nothing.
func (p *Pictures) Between(moment int) []byte {
	var w bitWriter
	w.golomb(0)
	w.golomb(sliceP)
	w.golomb(0)
	w.bits(frameNumLog, p.num%(1<<frameNumLog))
	p.num++
	w.bits(3, 0)
	w.golomb(0)
	w.golomb(1)
	total := p.w * p.h
	if moment < 0 {
		w.golomb(uint32(total))
		return w.nal(nalBetween)
	}
	before := p.at
	p.at = moment
	skipped := 0
	for mb := range total {
		if !p.inside(mb, before) && !p.inside(mb, moment) {
			skipped++
			continue
		}
		w.golomb(uint32(skipped))
		skipped = 0
		w.golomb(pcmInP)
		p.sample(&w, mb, moment)
	}
	if skipped > 0 {
		w.golomb(uint32(skipped))
	}
	return w.nal(nalBetween)
}

// inside says whether a macroblock belongs to the block at a moment: two by two of them, which go around the picture's middle row
// by row.
func (p *Pictures) inside(mb, moment int) bool {
	x, y := mb%p.w, mb/p.w
	left, top := moment%p.w, moment/p.w%max(1, p.h-1)
	return (x == left || x == left+1) && (y == top || y == top+1)
}

// sample writes what a macroblock shows at a moment: the block, whose brightness changes, or the scene behind it.
func (p *Pictures) sample(w *bitWriter, mb, moment int) {
	if !p.inside(mb, moment) {
		p.block(w, mb, p.scene)
		return
	}
	w.align()
	for range 256 {
		w.b = append(w.b, byte(180+moment%56))
	}
	for range 128 {
		w.b = append(w.b, 90)
	}
	w.n = len(w.b) * 8
}

// Black is a key frame with nothing in it: one black macroblock, and all others like their neighbours. As from any encoder it is
// tiny.
func (p *Pictures) Black() []byte {
	var w bitWriter
	p.begin(&w)
	w.golomb(pcmInI)
	w.align()
	for range 256 {
		w.b = append(w.b, 16)
	}
	for range 128 {
		w.b = append(w.b, 128)
	}
	w.n = len(w.b) * 8
	for mb := 1; mb < p.w*p.h; mb++ {
		w.golomb(flatInI)
		w.golomb(0) // chroma like the neighbours' mean
		w.golomb(0) // the same quantiser
		if mb == 1 || mb == p.w {
			w.bits(6, 3) // no coefficients, beside a block that counts as full
		} else {
			w.bits(1, 1) // no coefficients
		}
	}
	return w.nal(nalKey)
}

// block writes the samples of a macroblock: a gradient that drifts, grey chroma.
func (p *Pictures) block(w *bitWriter, mb, moment int) {
	w.align()
	mx, my := mb%p.w*16, mb/p.w*16
	for y := range 16 {
		for x := range 16 {
			w.b = append(w.b, byte(16+(2*(mx+x)+3*(my+y)+5*moment)%220))
		}
	}
	for range 128 {
		w.b = append(w.b, 128)
	}
	w.n = len(w.b) * 8
}

// A bitWriter writes bits, most significant first.
type bitWriter struct {
	b []byte
	n int // bits written
}

func (w *bitWriter) bits(n int, v uint32) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		if v>>i&1 == 1 {
			w.b[len(w.b)-1] |= 0x80 >> (w.n % 8)
		}
		w.n++
	}
}

// golomb writes an unsigned Exp-Golomb code; 0 is the same signed and unsigned.
func (w *bitWriter) golomb(v uint32) {
	n := bits.Len32(v + 1)
	w.bits(n-1, 0)
	w.bits(n, v+1)
}

func (w *bitWriter) align() {
	for w.n%8 != 0 {
		w.bits(1, 0)
	}
}

// nal ends the payload and wraps it, with the bytes that keep a start code from appearing inside.
func (w *bitWriter) nal(head byte) []byte {
	w.bits(1, 1)
	w.align()
	out := append(make([]byte, 0, len(w.b)+len(w.b)/64+2), head)
	zeros := 0
	for _, c := range w.b {
		if zeros >= 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		out = append(out, c)
		if zeros++; c != 0 {
			zeros = 0
		}
	}
	return out
}
