package device

import (
	"context"
	"time"
)

// A Camera is a Conn of a channel of cameras that keeps what they sent last, encoded as it came. Unlike Read and Write its
// methods may be called from several goroutines, also while a Read is under way; Close interrupts them all. They answer
// errors.ErrUnsupported for a stream that cannot be kept, and ErrNoPicture where nothing of the time that was asked for is there.
type Camera interface {
	// Clip cuts [from,to] of one device out of its ring, beginning at the last key frame at or before from, as fragmented
	// MP4. It waits until `to` has been seen, or is certainly over, or ctx ends; what is missing is said in Clip.Holes.
	// Chunks come in order, at most ChunkSize bytes each; they may not be kept.
	Clip(ctx context.Context, device string, from, to time.Time, chunk func([]byte) error) (Clip, error)
	// Still is the newest key frame at or before at, as a fragmented MP4 of one frame.
	Still(ctx context.Context, device string, at time.Time) ([]byte, Clip, error)
	// Live sends the initialisation segment, then fragments as they come, the first one beginning with a key frame, until ctx
	// ends, which is no error. A new initialisation segment comes when the camera has changed its picture's size or codec.
	// Who takes the chunks slower than they come misses whole groups of pictures.
	Live(ctx context.Context, device string, chunk func([]byte) error) error
}

// ChunkSize is the most that a Camera gives at once, in bytes: it fits a link that others want to use too.
const ChunkSize = 48 << 10

// ErrNoPicture is the error of a Camera that has nothing of the time that was asked for.
var ErrNoPicture error = noPicture{}

type noPicture struct{}

func (noPicture) Error() string { return "no picture of that time" }

// A Clip says what a piece of video is.
type Clip struct {
	Codec      string // RFC 6381: "avc1.64001f", "hvc1.1.6.L93.90"
	Width      int    // of the picture, pixels
	Height     int
	Frames     int
	From       time.Time // gateway's clock, of the first frame
	To         time.Time // after the last frame
	CameraFrom time.Time // the camera's own clock (RTCP) at From; zero: it did not say
	Holes      []Hole    // what is missing of what was asked for, in order
	Size       int64     // bytes
	SHA256     [32]byte  // of all bytes
}

// A Hole is a time of which a clip has no picture.
type Hole struct {
	From, To time.Time
	Reason   string // "before_ring", "lost", "camera_down", "not_waited", "changed": see drivers/rtsp
}

// CulpritLabel is the runtime/pprof label under which a driver's goroutines work for one device: when one of them panics, the
// gateway reads there which device brought the process down.
const CulpritLabel = "device"
