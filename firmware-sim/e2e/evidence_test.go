package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
)

// clip is what the cloud says of a piece of video.
type clip struct {
	ID, Bundle, Kind, State, SHA256, Interrupted string
	At, From, To                                 int64 // Unix ms
	Size                                         int64
	Frames                                       int
	Holes                                        []struct{ From, To int64 }
}

// seeTheEvidence: the overcharge's incident shows what the camera of its zone saw from 10 s before to 20 s after, although the
// gateway's clock ran 600 times as fast until a second after the alert; a player takes it; the bundle is good, and after one
// flipped byte it is not; a browser plays the clip in the alert's page, and the camera live.
func seeTheEvidence(t *testing.T, d *demo.Demo) {
	_, noProbe := exec.LookPath("ffprobe")
	need(t, noProbe != nil, "ffprobe: apt-get install ffmpeg")
	began := time.Now()
	clips := overchargeClips(t, d)
	t.Logf("the bundle was there after another %.0f s", time.Since(began).Seconds())
	stills := 0
	for _, c := range clips {
		if c.Interrupted != "" {
			t.Errorf("%+v", c)
		}
		if c.Kind == "still" {
			stills++
			probe(t, download(t, d.URL+"/api/v1/clips/"+c.ID+"/still", ""), 0, 1, 1)
			continue
		}
		if before, after := c.At-c.From, c.To-c.At; before < 9_900 || before > 14_000 || after < 19_800 || after > 21_000 || len(c.Holes) > 0 {
			t.Errorf("the clip is from %d ms before the alert to %d ms after, holes %v", before, after, c.Holes)
		}
		whole := download(t, d.URL+"/api/v1/clips/"+c.ID+"/video", "")
		if int64(len(whole)) != c.Size {
			t.Errorf("%d bytes of %d", len(whole), c.Size)
		}
		t.Logf("clip of %d frames, %d bytes", c.Frames, c.Size)
		probe(t, whole, float64(c.To-c.From)/1000, c.Frames, c.Frames)
		if some := download(t, d.URL+"/api/v1/clips/"+c.ID+"/video", "bytes=1000-1999"); !bytes.Equal(some, whole[1000:2000]) {
			t.Error("a range of it is something else")
		}
	}
	if stills != 3 || len(clips) != 4 {
		t.Errorf("%d stills of %d", stills, len(clips))
	}
	verifyBundle(t, d, clips[0].Bundle)
	browse(t, d, "camera")
}

// overchargeClips waits until the evidence of the overcharge is whole.
func overchargeClips(t *testing.T, d *demo.Demo) (clips []clip) {
	t.Helper()
	type incident struct{ ID, Rule string }
	var all []incident
	for _, handling := range []string{"open", "handling", "closed"} { // the browser's story has closed one
		var list struct{ Incidents []incident }
		if err := get(d.URL+"/api/v1/incidents?limit=50&handling="+handling, &list); err != nil {
			t.Fatal(err)
		}
		all = append(all, list.Incidents...)
	}
	eventually(t, 90*time.Second, "clip and stills of the overcharge are whole", func() error {
		for _, i := range all {
			if i.Rule != "R03" {
				continue
			}
			var answer struct{ Clips []clip }
			if err := get(d.URL+"/api/v1/incidents/"+i.ID+"/clips", &answer); err != nil {
				return err
			}
			if clips = answer.Clips; len(clips) > 0 && clips[0].State == "whole" {
				return nil
			}
		}
		return fmt.Errorf("of %+v there are %+v", all, clips)
	})
	return clips
}

// download answers a file of the cloud, or a range of it.
func download(t *testing.T, url, bytes string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := http.StatusOK
	if bytes != "" {
		request.Header.Set("Range", bytes)
		want = http.StatusPartialContent
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		t.Fatalf("%s: %s %v", url, response.Status, err)
	}
	return body
}

// probe has ffprobe decode a file: so many frames without a complaint, and so many seconds (0: any).
func probe(t *testing.T, video []byte, seconds float64, least, most int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "video.mp4")
	if err := os.WriteFile(file, video, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames:format=duration", "-of", "default=nw=1:nk=1", file)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	lines := strings.Fields(string(out))
	if err != nil || complaints.Len() > 0 || len(lines) != 2 {
		t.Fatalf("ffprobe: %v %s %q", err, complaints.String(), out)
	}
	frames, _ := strconv.Atoi(lines[0])
	length, _ := strconv.ParseFloat(lines[1], 64)
	if frames < least || frames > most || seconds > 0 && (length < seconds-0.5 || length > seconds+0.5) {
		t.Errorf("%d frames in %.2f s, want %d to %d in %.2f s", frames, length, least, most, seconds)
	}
}

// verifyBundle checks the incident's bundle as anybody can who has the gateway's public key.
func verifyBundle(t *testing.T, d *demo.Demo, id string) {
	t.Helper()
	bundle := download(t, d.URL+"/api/v1/evidence/"+id, "")
	t.Logf("bundle of %d bytes", len(bundle))
	file := filepath.Join(t.TempDir(), "bundle.lse")
	verify := func() (string, error) {
		if err := os.WriteFile(file, bundle, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "cloud"), "evidence", "verify", "--key", d.File("gateway-data/evidence.pub"), file).CombinedOutput()
		return string(out), err
	}
	if said, err := verify(); err != nil || !strings.Contains(said, "gw-0142") {
		t.Errorf("%v: %s", err, said)
	}
	bundle[len(bundle)-1]++
	if said, err := verify(); err == nil || !strings.Contains(said, "still-cam-1-60s.mp4") || !strings.Contains(said, "SHA-256") {
		t.Errorf("one byte is another one: %v %s", err, said)
	}
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "gateway"), "evidence", "export", "--config", d.File("gateway.yaml"), id[:12], "--to", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	own, err := os.ReadFile(strings.TrimSpace(string(out)))
	if bundle[len(bundle)-1]--; err != nil || !bytes.Equal(own, bundle) {
		t.Errorf("the gateway's own copy is something else: %v", err)
	}
}
