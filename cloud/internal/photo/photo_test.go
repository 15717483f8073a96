package photo_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/photo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// where is what must not be kept: a place, in the words of whoever wrote it into the file.
const where = "GPS 29.5630N 106.5516E"

func picture() image.Image {
	im := image.NewGray(image.Rect(0, 0, 24, 16))
	for x := range 24 {
		im.Set(x, x%16, color.White)
	}
	return im
}

func jpegFile(t testing.TB) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withJPEG puts segments behind the begin of a JPEG, and more behind its end.
func withJPEG(t testing.TB, end string, segments ...[]byte) []byte {
	file := jpegFile(t)
	return bytes.Join([][]byte{file[:2], bytes.Join(segments, nil), file[2:], []byte(end)}, nil)
}

func segment(marker byte, body string) []byte {
	return append([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
}

// exif is a little-endian Exif segment with an orientation, and a place behind it.
func exif(orientation byte) []byte {
	return segment(0xe1, "Exif\x00\x00II*\x00\x08\x00\x00\x00\x02\x00\x0f\x01\x02\x00\x04\x00\x00\x00abc\x00\x12\x01\x03\x00\x01\x00\x00\x00"+string([]byte{orientation, 0, 0, 0})+"\x00\x00\x00\x00"+where)
}

func chunk(kind, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(b, kind+body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func pngFile(t testing.TB, chunks ...[]byte) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, picture()); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	return bytes.Join([][]byte{file[:33], bytes.Join(chunks, nil), file[33:], []byte(where)}, nil)
}

func webpFile(chunks ...string) []byte {
	body := "WEBP"
	for i := 0; i+1 < len(chunks); i += 2 {
		body += chunks[i] + string(binary.LittleEndian.AppendUint32(nil, uint32(len(chunks[i+1])))) + chunks[i+1]
		if len(chunks[i+1])%2 == 1 {
			body += "\x00"
		}
	}
	return []byte("RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body)
}

const vp8 = "\x30\x01\x00\x9d\x01\x2a\x18\x00\x10\x00data"

func TestWhatAPhoneWritesIsTakenOut(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		typ  string
	}{
		"jpeg":  {withJPEG(t, where, exif(6), segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"+where), segment(0xfe, where), segment(0xed, where)), photo.JPEG},
		"png":   {pngFile(t, chunk("eXIf", where), chunk("tEXt", "where\x00"+where), chunk("zzZz", where)), photo.PNG},
		"webp":  {webpFile("VP8X", "\x0c\x00\x00\x00\x17\x00\x00\x0f\x00\x00", "VP8 ", vp8, "EXIF", where, "XMP ", where+"x"), photo.WebP},
		"small": {webpFile("VP8L", "\x2f\x17\xc0\x03\x00rest"), photo.WebP},
	} {
		p, err := photo.Clean(c.file)
		if err != nil || p.Type != c.typ || p.Width != 24 || p.Height != 16 || bytes.Contains(p.Content, []byte(where)) {
			t.Errorf("%s: %v %s %d × %d, %q", name, err, p.Type, p.Width, p.Height, p.Content)
		}
		again, err := photo.Clean(p.Content)
		if err != nil || !bytes.Equal(again.Content, p.Content) {
			t.Errorf("%s: a clean one is changed: %v", name, err)
		}
	}
}

func TestThePictureStays(t *testing.T) {
	p, err := photo.Clean(withJPEG(t, "", exif(6)))
	if err != nil {
		t.Fatal(err)
	}
	im, err := jpeg.Decode(bytes.NewReader(p.Content))
	if err != nil || im.Bounds().Dx() != 24 {
		t.Errorf("%v", err)
	}
	turned := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00")
	if !bytes.Contains(p.Content, turned) {
		t.Errorf("it is not said any more how it is to be turned: %q", p.Content[:60])
	}
	if p, err = photo.Clean(pngFile(t, chunk("eXIf", where))); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(p.Content)); err != nil {
		t.Error(err)
	}
	x, err := photo.Clean(webpFile("VP8X", "\x1c\x00\x00\x00\x17\x00\x00\x0f\x00\x00", "VP8 ", vp8))
	if err != nil || x.Content[20] != 0x10 {
		t.Errorf("flags: %v %q", err, x.Content)
	}
}

func TestNoPhotos(t *testing.T) {
	file := jpegFile(t)
	wrong := pngFile(t)
	wrong[40] ^= 1
	huge := webpFile("VP8X", "\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff", "VP8 ", vp8)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":      {nil, photo.ErrNoPhoto},
		"a page":       {[]byte("<html><script>alert(1)</script>"), photo.ErrNoPhoto},
		"a program":    {[]byte("MZ\x90\x00"), photo.ErrNoPhoto},
		"a begin":      {file[:20], photo.ErrNoPhoto},
		"half a jpeg":  {file[:len(file)-2], photo.ErrNoPhoto},
		"a lie":        {append([]byte{0xff, 0xd8, 0xff}, "<html>"...), photo.ErrNoPhoto},
		"empty jpeg":   {[]byte{0xff, 0xd8, 0xff, 0xd9}, photo.ErrNoPhoto},
		"broken png":   {wrong, photo.ErrNoPhoto},
		"half a png":   {pngFile(t)[:50], photo.ErrNoPhoto},
		"webp of none": {webpFile("EXIF", where), photo.ErrNoPhoto},
		"half a webp":  {webpFile("VP8 ", vp8)[:20], photo.ErrNoPhoto},
		"huge":         {huge, photo.ErrSize},
	} {
		if _, err := photo.Clean(c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add(withJPEG(f, where, exif(6), segment(0xfe, where)))
	f.Add(pngFile(f, chunk("eXIf", where)))
	f.Add(webpFile("VP8X", "\x0c\x00\x00\x00\x17\x00\x00\x0f\x00\x00", "VP8 ", vp8, "EXIF", where))
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := photo.Clean(file)
		if err != nil {
			return
		}
		if p.Width < 1 || p.Height < 1 || len(p.Content) > len(file)+64 {
			t.Fatalf("%d × %d, %d bytes of %d", p.Width, p.Height, len(p.Content), len(file))
		}
		again, err := photo.Clean(p.Content)
		if err != nil || !bytes.Equal(again.Content, p.Content) {
			t.Fatalf("a clean one is changed: %v", err)
		}
	})
}
