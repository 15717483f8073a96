package rtsp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// probed is what ffprobe says of a file.
type probed struct {
	Streams []struct {
		Codec  string `json:"codec_name"`
		Tag    string `json:"codec_tag_string"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
	} `json:"streams"`
	Frames []struct {
		PTS  string `json:"pts_time"`
		Key  int    `json:"key_frame"`
		Type string `json:"pict_type"`
	} `json:"frames"`
	Packets []struct {
		DTS   string `json:"dts_time"`
		PTS   string `json:"pts_time"`
		Flags string `json:"flags"`
	} `json:"packets"`
}

// judge lets ffprobe decode a whole file; anything that it complains of is a failure.
func judge(t *testing.T, file []byte) probed {
	t.Helper()
	needs(t, has("ffprobe"), "ffprobe: apt-get install ffmpeg")
	path := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	p := probed{}
	for _, what := range []string{"-show_frames", "-show_packets"} {
		cmd := exec.CommandContext(t.Context(), "ffprobe", "-v", "warning", "-of", "json", "-show_streams", what, path)
		var out, complaints bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &complaints
		if err := cmd.Run(); err != nil || complaints.Len() > 0 {
			t.Fatalf("ffprobe: %v\n%s", err, complaints.String())
		}
		if err := json.Unmarshal(out.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// cut takes a clip and compares what is said of it with what it is.
func cut(t *testing.T, c device.Camera, dev string, from, to time.Time) (device.Clip, probed) {
	t.Helper()
	var file bytes.Buffer
	clip, err := c.Clip(t.Context(), dev, from, to, func(b []byte) error {
		if len(b) > device.ChunkSize {
			t.Errorf("a chunk of %d bytes", len(b))
		}
		file.Write(b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := judge(t, file.Bytes())
	if len(p.Streams) != 1 || p.Streams[0].Width != clip.Width || p.Streams[0].Height != clip.Height || len(p.Frames) != clip.Frames {
		t.Errorf("ffprobe sees %+v and %d frames, the clip says %+v", p.Streams, len(p.Frames), clip)
	}
	if clip.Size != int64(file.Len()) || clip.SHA256 != sha256.Sum256(file.Bytes()) {
		t.Error("size or hash is wrong")
	}
	if len(p.Packets) == 0 || p.Packets[0].Flags[0] != 'K' {
		t.Fatalf("it does not begin with a key frame: %+v", p.Packets)
	}
	last, keys := -1.0, 0
	for i, packet := range p.Packets {
		dts, _ := strconv.ParseFloat(packet.DTS, 64)
		pts, _ := strconv.ParseFloat(packet.PTS, 64)
		if dts <= last || pts < dts {
			t.Fatalf("packet %d: dts %v after %v, pts %v", i, dts, last, pts)
		}
		last = dts
		if packet.Flags[0] == 'K' {
			keys++
		}
	}
	if len(p.Packets) > 20 && keys == len(p.Packets) {
		t.Error("every frame is called a key frame")
	}
	return clip, p
}

// watch reads a camera until its ring reaches back for a while.
func watch(t *testing.T, conn device.Conn, url string, back time.Duration) {
	t.Helper()
	eventually(t, 30*time.Second, "connected", func() bool { return look(t, conn, url).connected() })
	since := time.Now()
	eventually(t, 60*time.Second, "pictures", func() bool { look(t, conn, url); return time.Since(since) > back })
}

func TestClips(t *testing.T) {
	for _, tc := range []struct {
		name, codec, want, tag string
		args                   []string
	}{
		{"H.264 with B-frames", "h264", "avc1.", "avc1", []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "15"}},
		{"H.265 with B-frames", "hevc", "hvc1.1.6.", "hvc1", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2:keyint=15"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			file := encode(t, append([]string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15:duration=4", "-pix_fmt", "yuv420p"}, tc.args...)...)
			address := freeport.Address(t)
			startRelay(t, address, file)
			conn := open(t, rtsp.Driver{})
			camera := conn.(device.Camera)
			url := "rtsp://" + userInfo + address + "/cam"
			watch(t, conn, url, 4*time.Second)

			now := time.Now()
			from, to := now.Add(-2*time.Second), now.Add(1500*time.Millisecond)
			clip, p := cut(t, camera, "cam-1", from, to)
			if p.Streams[0].Codec != tc.codec || p.Streams[0].Tag != tc.tag || len(clip.Codec) < 9 || clip.Codec[:len(tc.want)] != tc.want {
				t.Errorf("codec %s %s %s", p.Streams[0].Codec, p.Streams[0].Tag, clip.Codec)
			}
			if clip.From.After(from) || from.Sub(clip.From) > 1200*time.Millisecond || to.Sub(clip.To).Abs() > 150*time.Millisecond || len(clip.Holes) != 0 {
				t.Errorf("from %v, to %v after what was asked for, holes %+v", clip.From.Sub(from), clip.To.Sub(to), clip.Holes)
			}
			kinds := map[string]int{}
			for _, f := range p.Frames {
				kinds[f.Type]++
			}
			if kinds["B"] == 0 || kinds["I"] < 3 {
				t.Errorf("kinds of frames: %v", kinds)
			}
			if off := look(t, conn, url)[rtsp.ClockOffset]; off.Quality == device.Good && (off.Value > 2 || off.Value < -2) {
				t.Errorf("clock offset %+v", off)
			}
			still, what, err := camera.Still(t.Context(), "cam-1", time.Now())
			if err != nil || what.Frames != 1 {
				t.Fatalf("still: %+v %v", what, err)
			}
			if p := judge(t, still); len(p.Frames) != 1 || p.Frames[0].Type != "I" {
				t.Errorf("still: %+v", p.Frames)
			}
			live(t, camera)
		})
	}
}

// live watches for two seconds; what has come is a film.
func live(t *testing.T, camera device.Camera) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var film bytes.Buffer
	began, first := time.Now(), time.Duration(0)
	err := camera.Live(ctx, "cam-1", func(b []byte) error {
		if first == 0 {
			first = time.Since(began)
		}
		film.Write(b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := judge(t, film.Bytes()); len(p.Frames) < 20 || first > 500*time.Millisecond {
		t.Errorf("%d live frames, the first after %v", len(p.Frames), first)
	}
}
