// Package photo takes the photos that people upload as evidence: JPEG, PNG and WebP. It looks whether the bytes really are
// one, and takes out what a phone writes into it besides the picture: where it was taken, with which device, when, previews,
// words, and what hangs behind the picture's end. How a JPEG is to be turned stays. The picture itself is not encoded anew:
// the same upload always gives the same bytes.
package photo

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"image/png"
)

// Types of photos.
const (
	JPEG = "image/jpeg"
	PNG  = "image/png"
	WebP = "image/webp"
)

// Limits of a photo.
const (
	MaxBytes  = 8 << 20
	maxSide   = 20_000
	maxPixels = 120_000_000
)

// ErrNoPhoto: the bytes are none of the three, or cut off.
var ErrNoPhoto = errors.New("no JPEG, PNG or WebP photo")

// ErrSize: it has no pixels, or more than anybody can look at.
var ErrSize = errors.New("photo has a size that cannot be shown")

// A Photo is a picture without what else was in its file.
type Photo struct {
	Type          string
	Width, Height int // pixels, as encoded
	Content       []byte
}

// Clean answers the photo in the bytes of a file. The error is one of ErrNoPhoto and ErrSize, wrapped with what is wrong.
func Clean(file []byte) (Photo, error) {
	p := Photo{}
	var err error
	switch {
	case bytes.HasPrefix(file, []byte{0xff, 0xd8, 0xff}):
		p.Type = JPEG
		if p.Content, err = cleanJPEG(file); err != nil {
			break
		}
		c, cerr := jpeg.DecodeConfig(bytes.NewReader(p.Content))
		p.Width, p.Height, err = c.Width, c.Height, cerr
	case bytes.HasPrefix(file, []byte(pngSignature)):
		p.Type = PNG
		if p.Content, err = cleanPNG(file); err != nil {
			break
		}
		c, cerr := png.DecodeConfig(bytes.NewReader(p.Content))
		p.Width, p.Height, err = c.Width, c.Height, cerr
	case len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		p.Type = WebP
		p.Content, p.Width, p.Height, err = cleanWebP(file)
	default:
		return Photo{}, ErrNoPhoto
	}
	if err != nil {
		return Photo{}, fmt.Errorf("%w: %w", ErrNoPhoto, err)
	}
	if p.Width < 1 || p.Height < 1 || p.Width > maxSide || p.Height > maxSide || p.Width*p.Height > maxPixels {
		return Photo{}, fmt.Errorf("%w: %d × %d", ErrSize, p.Width, p.Height)
	}
	return p, nil
}

var errCut = errors.New("it is cut off")
